import { ConfigError } from '@ait/kit'
import { Trouble } from './trouble.ts'

/** Lines for the person at the terminal. With `LOG_TO=stdout`, stdout belongs to the JSON logs alone. */
export const sayTo =
  (logTo: string | undefined) =>
  (line: string): void =>
    void (logTo === 'stdout' ? process.stderr : process.stdout).write(`${line}\n`)

/** Rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What a person can put right, in one line; undefined for anything else. */
export function adviceFor(error: unknown): string | undefined {
  if (error instanceof Trouble) return error.message
  if (error instanceof ConfigError) {
    return `${error.message.replaceAll('\n', '; ')} — set it in the environment or in .env.services (see .env.services.example).`
  }
  const { code, path, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (path && (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')) {
    return `${path} cannot be used by this user (${code}): start as its owner, or set DATA_DIR to another folder.`
  }
  if (address && code === 'ECONNREFUSED') {
    return `Nothing answers at ${address}:${port}: start what should be there, or correct its address in the environment.`
  }
  // 53100 is PostgreSQL's disk_full.
  if (code === 'ENOSPC' || code === '53100') return 'The disk is full: make room and start again.'
  return undefined
}

/** What went wrong, for the terminal: what is not a person's to put right, with its stack. */
export const explain = (error: unknown): string =>
  adviceFor(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** A JSON log line of level `warn` or higher, in words. */
export function warningText(service: string, line: string): string {
  const { msg, link, err } = JSON.parse(line) as { msg?: string; link?: string; err?: { message: string } }
  return `${service}: ${[msg, link ?? err?.message].filter(Boolean).join(': ')}`
}

/** Runs a command; what it throws is told, and the exit code is then 1. */
export async function runCommand(work: () => Promise<number | void>): Promise<void> {
  try {
    process.exitCode = (await work()) ?? 0
  } catch (error) {
    console.error(explain(error))
    process.exitCode = 1
  }
}
