import { join } from 'node:path'
import { duel, type Duel } from '../duel.ts'
import { startOurs } from '../ours.ts'
import type { Part } from '../part.ts'
import { atLeast, duelHead, duelRow, type Report } from '../report.ts'
import { insertNote } from './stack.ts'

const leastShareOfDirect = 0.9

/** A request that the gateway hands to a service of the same process, against the same sent to the service's own port. */
export const handoverPart: Part = {
  name: 'handover',
  async run(bench): Promise<Report> {
    const { server, service, gateway, headers } = await startOurs(bench, {
      file: join(bench.folder, 'no-gateway.yaml'),
    })
    try {
      const id = await insertNote(`${service}/api/v1/bench/notes`, headers)
      const results: [string, Duel][] = []
      for (const [name, path] of [
        ['ping', 'ping'],
        ['read', `notes/${id}`],
      ] as const) {
        const target = (origin: string) => ({
          url: `${origin}/api/v1/bench/${path}`,
          headers,
          pid: server.pid,
        })
        results.push([name, await duel(target(gateway), target(service), bench.folder)])
      }
      return {
        title: 'handover: through the gateway in the same process against the service itself',
        table: [duelHead, ...results.map(([name, result]) => duelRow(name, result))],
        verdicts: results.map(([name, { ratio }]) =>
          atLeast(`${name}: requests/s, of the direct ones`, ratio, leastShareOfDirect),
        ),
      }
    } finally {
      await server.stop()
    }
  },
}
