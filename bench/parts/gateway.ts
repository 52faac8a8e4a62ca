import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { duel } from '../duel.ts'
import type { Target } from '../load.ts'
import { startOurs } from '../ours.ts'
import type { Bench, Part } from '../part.ts'
import { freePort, hasProgram, startServer, type Server } from '../process.ts'
import { atLeast, duelHead, duelRow, type Report } from '../report.ts'

const leastShareOfNginx = 0.5

/** A hop through the gateway (token check, limiter, metrics on) against one through nginx, to the same upstream. */
export const gatewayPart: Part = {
  name: 'gateway',
  missing: () => (hasProgram('nginx', '-v') ? undefined : 'nginx'),
  async run(bench): Promise<Report> {
    await using servers = new AsyncDisposableStack()
    const upstreamPort = await freePort()
    const upstream = await startNginx(bench, 'upstream', { PORT: upstreamPort })
    servers.defer(() => upstream.stop())
    const port = await freePort()
    const nginx = await startNginx(bench, 'proxy', { PORT: port, UPSTREAM_PORT: upstreamPort })
    servers.defer(() => nginx.stop())
    const ours = await startOurs(bench, { file: await gatewayFile(bench, upstreamPort) })
    servers.defer(() => ours.server.stop())

    const { headers } = ours
    const hop: Target = { url: `${ours.gateway}/notes/1`, headers, pid: ours.server.pid }
    await refusesStrangers(hop)
    const peer: Target = { url: `http://127.0.0.1:${port}/notes/1`, headers, pid: nginx.pid }
    const result = await duel(hop, peer, bench.folder)
    return {
      title: 'gateway: a hop through it against one through nginx (one worker)',
      table: [duelHead, duelRow('hop', result)],
      verdicts: [atLeast('requests/s, ours to theirs', result.ratio, leastShareOfNginx)],
    }
  },
}

async function startNginx(bench: Bench, name: string, ports: Record<string, number>): Promise<Server> {
  const template = await readFile(join(import.meta.dirname, `../peers/nginx/${name}.conf`), 'utf8')
  const text = template.replace(/\b(UPSTREAM_)?PORT\b/g, (word) => String(ports[word]))
  const file = join(bench.folder, `${name}.conf`)
  await writeFile(file, text)
  return startServer(['nginx', '-p', bench.folder, '-c', file], {
    port: ports['PORT'] as number,
    logFile: join(bench.folder, 'nginx.log'),
  })
}

async function gatewayFile(bench: Bench, upstreamPort: number): Promise<string> {
  const file = join(bench.folder, 'gateway.yaml')
  const upstream = `{ name: notes, prefix: /notes, access: token, targets: ['http://127.0.0.1:${upstreamPort}'] }`
  await writeFile(file, `upstreams:\n  - ${upstream}\n`)
  return file
}

/** That tokens are checked is part of what is measured. */
async function refusesStrangers({ url }: Target): Promise<void> {
  const { status } = await fetch(url)
  if (status !== 401) throw new Error(`${url} answers ${status} without a token`)
}
