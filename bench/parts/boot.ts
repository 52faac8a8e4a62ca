import type { Part } from '../part.ts'
import { memoryMib } from '../process.ts'
import { below, type Report } from '../report.ts'
import { startSuite } from '../suite.ts'

const mostWarmSeconds = 3

/** From the start of the process, embedded PostgreSQL included, until every service answers that it is healthy. */
export const bootPart: Part = {
  name: 'boot',
  async run(bench): Promise<Report> {
    const rows: { name: string; seconds: number; memory: number }[] = []
    for (const name of ['cold: makes its database', 'warm', 'warm again']) {
      const { server, bootMs } = await startSuite(bench)
      rows.push({ name, seconds: bootMs / 1000, memory: memoryMib(server.pid).now })
      await server.stop()
    }
    const warm = Math.min(...rows.slice(1).map(({ seconds }) => seconds))
    return {
      title: 'boot: every service of the suite in one process',
      table: [
        ['', 'until all healthy', 'memory'],
        ...rows.map(({ name, seconds, memory }) => [
          name,
          `${seconds.toFixed(2)} s`,
          `${memory.toFixed(0)} MiB`,
        ]),
      ],
      verdicts: [below('warm start', warm, mostWarmSeconds, 's')],
    }
  },
}
