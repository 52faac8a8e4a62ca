import { join } from 'node:path'
import { median } from '../duel.ts'
import type { Part } from '../part.ts'
import { cpuSeconds, forgetPeak, memoryMib } from '../process.ts'
import { atLeast, below, type Report } from '../report.ts'
import { newToken, startSuite, type Suite } from '../suite.ts'
import { copy, download, makeFile, upload } from '../transfer.ts'

const sizeMib = 1024
const rounds = 3
/** Until a runtime has the buffers that it keeps for streams of any length. */
const warmUpMib = 256
const mostGrowthMib = 50
const leastShareOfCopy = 0.6

/** One way of a file, measured once in each round. */
interface Way {
  name: string
  /** Process that does the work. */
  pid: number
  run(): Promise<unknown>
}

interface Measured {
  name: string
  mibPerSecond: number[]
  cpuSeconds: number[]
  peakMib: number
}

/** One file of 1 GiB in and out, over HTTP, against a plain copy of it by the same runtime. */
export const filesPart: Part = {
  name: 'files',
  async run(bench): Promise<Report> {
    const file = join(bench.folder, 'file')
    await makeFile(file, sizeMib)
    const suite = await startSuite(bench)
    try {
      const { pid } = suite.server
      const bootMib = memoryMib(pid).now
      const ways = await waysThrough(suite, file)
      const beforeMib = memoryMib(pid).now
      const plain = {
        name: 'plain copy',
        pid: process.pid,
        run: () => copy(file, join(bench.folder, 'copy')),
      }
      return reportOf(await measure([plain, ...ways]), bootMib, beforeMib)
    } finally {
      await suite.server.stop()
    }
  },
}

/** Upload and download at the service and through the gateway, each done once with a smaller file already. */
async function waysThrough(suite: Suite, file: string): Promise<Way[]> {
  const token = await newToken(suite)
  const { pid } = suite.server
  const ways: Way[] = []
  for (const service of ['storage', 'gateway'] as const) {
    const through = { url: suite.url(service), token }
    await download(through, await upload(through, file, warmUpMib), warmUpMib)
    let id = ''
    ways.push(
      { name: `upload to ${service}`, pid, run: async () => (id = await upload(through, file, sizeMib)) },
      { name: `download from ${service}`, pid, run: () => download(through, id, sizeMib) },
    )
  }
  return ways
}

async function measure(ways: readonly Way[]): Promise<Measured[]> {
  const results = ways.map(({ name }): Measured => ({ name, mibPerSecond: [], cpuSeconds: [], peakMib: 0 }))
  for (let round = 0; round < rounds; round++) {
    for (const [i, { pid, run }] of ways.entries()) {
      const result = results[i] as Measured
      forgetPeak(pid)
      const cpuBefore = cpuSeconds(pid)
      const start = performance.now()
      await run()
      result.mibPerSecond.push(sizeMib / ((performance.now() - start) / 1000))
      result.cpuSeconds.push(cpuSeconds(pid) - cpuBefore)
      result.peakMib = Math.max(result.peakMib, memoryMib(pid).peak)
    }
  }
  return results
}

function reportOf(results: readonly Measured[], bootMib: number, beforeMib: number): Report {
  const [plain, ...ways] = results as [Measured, ...Measured[]]
  const shareOf = ({ mibPerSecond }: Measured): number =>
    median(mibPerSecond.map((speed, round) => speed / (plain.mibPerSecond[round] as number)))
  const growthOf = ({ peakMib }: Measured): number => Math.max(0, peakMib - beforeMib)
  const row = (result: Measured): string[] => [
    result.name,
    median(result.mibPerSecond).toFixed(0),
    shareOf(result).toFixed(2),
    median(result.cpuSeconds).toFixed(2),
    result === plain ? '' : `${growthOf(result).toFixed(0)} MiB`,
  ]
  const memory = `memory ${bootMib.toFixed(0)} MiB after the start, ${beforeMib.toFixed(0)} after the warm-up`
  return {
    title: `files: ${sizeMib} MiB over HTTP against a plain copy by the same runtime (${memory})`,
    table: [['', 'MiB/s', 'ratio', 'CPU s', 'memory grew by'], ...results.map(row)],
    verdicts: ways.flatMap((way) => [
      atLeast(`${way.name}: speed, of a plain copy's`, shareOf(way), leastShareOfCopy),
      below(`${way.name}: memory grew by`, growthOf(way), mostGrowthMib, 'MiB'),
    ]),
  }
}
