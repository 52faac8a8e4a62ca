import type { Duel } from './duel.ts'

export interface Report {
  title: string
  /** First row is the head. */
  table: readonly (readonly string[])[]
  verdicts: readonly Verdict[]
}

/** A figure against what was promised. */
export interface Verdict {
  what: string
  measured: string
  target: string
  met: boolean
}

export const atLeast = (what: string, ratio: number, target: number): Verdict => ({
  what,
  measured: ratio.toFixed(2),
  target: `≥ ${target}`,
  met: ratio >= target,
})

export const below = (what: string, value: number, target: number, unit: string): Verdict => ({
  what,
  measured: `${value.toFixed(1)} ${unit}`,
  target: `< ${target} ${unit}`,
  met: value < target,
})

export const duelHead = [
  '',
  'requests/s',
  'peer',
  'ratio',
  'p50 ms',
  'peer',
  'p99 ms',
  'peer',
  'CPU µs',
  'peer',
]

/** One row of a duel's table. */
export function duelRow(name: string, { ours, peer, ratio }: Duel): string[] {
  const pair = (read: (load: Duel['ours']) => number, digits: number): [string, string] => [
    read(ours).toFixed(digits),
    read(peer).toFixed(digits),
  ]
  return [
    name,
    ...pair((load) => load.requestsPerSecond, 0),
    ratio.toFixed(2),
    ...pair((load) => load.p50Ms, 1),
    ...pair((load) => load.p99Ms, 1),
    ...pair((load) => load.cpuUs, 0),
  ]
}

export function print({ title, table, verdicts }: Report): void {
  console.log(`\n## ${title}\n`)
  console.log(columns(table))
  if (verdicts.length > 0) console.log('')
  for (const { what, measured, target, met } of verdicts)
    console.log(`${met ? '✓' : '✗'} ${what}: ${measured} (target ${target})`)
}

function columns(table: Report['table']): string {
  const widths = (table[0] ?? []).map((_, i) => Math.max(...table.map((row) => (row[i] ?? '').length)))
  return table
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  '),
    )
    .join('\n')
}
