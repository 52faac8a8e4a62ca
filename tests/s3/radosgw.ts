/**
 * A real S3 server for tests: Debian's radosgw over a one-disk Ceph cluster that lives in memory and is gone afterwards.
 *
 *     apt-get install --no-install-recommends ceph-mon ceph-osd radosgw
 *     node tests/s3/radosgw.ts        # prints S3_* variables, serves until Ctrl-C
 *
 * Needs no root, no manager daemon and no disk; it is ready in about ten seconds.
 */
import { execFile, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type S3Server = {
  endpoint: string
  accessKey: string
  secretKey: string
  region: string
  stop(): Promise<void>
}

const PROGRAMS = ['ceph-mon', 'ceph-osd', 'ceph', 'monmaptool', 'radosgw', 'radosgw-admin']
const START_TIMEOUT_MS = 90_000
const STOP_TIMEOUT_MS = 5_000

/** The programs that are not installed; an empty list means that `startRadosgw` can work. */
export function missingPrograms(): string[] {
  return PROGRAMS.filter((name) => spawnSync('which', [name]).status !== 0)
}

/** Starts the cluster, the gateway and a user with keys. Everything lies in a folder of its own below the temp folder. */
export async function startRadosgw(): Promise<S3Server> {
  const dir = await mkdtemp(join(tmpdir(), 'ait-s3-'))
  const daemons: ChildProcess[] = []
  const stop = async (): Promise<void> => {
    for (const daemon of daemons.toReversed()) await stopDaemon(daemon)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    return { ...(await startCluster(dir, daemons)), region: 'us-east-1', stop }
  } catch (error) {
    const logs = await Promise.all(['mon', 'osd', 'rgw'].map((name) => tail(join(dir, `${name}.log`))))
    await stop()
    throw new Error(`radosgw did not start:\n${logs.join('\n')}`, { cause: error })
  }
}

async function startCluster(
  dir: string,
  daemons: ChildProcess[],
): Promise<Omit<S3Server, 'region' | 'stop'>> {
  const [monPort, rgwPort] = await Promise.all([freePort(), freePort()])
  const conf = join(dir, 'ceph.conf')
  const fsid = randomUUID()
  const monitor = `[v2:127.0.0.1:${monPort}]`
  await Promise.all(['mon', 'osd', 'run', 'rgw'].map((name) => mkdir(join(dir, name))))
  await writeFile(conf, configuration(dir, fsid, monitor))
  const daemon = (name: string, log: string, ...args: string[]) =>
    daemons.push(spawnDaemon(join(dir, `${log}.log`), name, ['-c', conf, ...args, '-f']))

  await tool('monmaptool', '--create', '--addv', 'a', monitor, '--fsid', fsid, join(dir, 'monmap'))
  await tool('ceph-mon', '-c', conf, '-i', 'a', '--mkfs', '--monmap', join(dir, 'monmap'))
  daemon('ceph-mon', 'mon', '-i', 'a')
  await tool('ceph', '-c', conf, 'osd', 'create')
  await tool('ceph-osd', '-c', conf, '-i', '0', '--mkfs')
  daemon('ceph-osd', 'osd', '-i', '0')
  await tool('ceph', '-c', conf, 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default')
  const frontend = `beast endpoint=127.0.0.1:${rgwPort}`
  daemon('radosgw', 'rgw', '-n', 'client.rgw', '--rgw-data', join(dir, 'rgw'), '--rgw-frontends', frontend)

  const accessKey = randomBytes(10).toString('hex')
  const secretKey = randomBytes(20).toString('hex')
  const keys = [`--access-key=${accessKey}`, `--secret-key=${secretKey}`]
  const endpoint = `http://127.0.0.1:${rgwPort}`
  await untilAnswers(endpoint, daemons)
  await tool('radosgw-admin', '-c', conf, 'user', 'create', '--uid=ait', '--display-name=AIT', ...keys)
  return { endpoint, accessKey, secretKey }
}

/** One copy of everything, no authentication inside the cluster, nothing outside `dir`. */
function configuration(dir: string, fsid: string, monitor: string): string {
  return `[global]
fsid = ${fsid}
mon host = ${monitor}
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = ${dir}/run
admin socket = ${dir}/run/$name.asok
pid file = ${dir}/run/$name.pid
mon data = ${dir}/mon
mon allow pool size one = true
osd data = ${dir}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd crush chooseleaf type = 0
osd crush update on start = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
log file =
log to stderr = true
err to stderr = true
debug rgw = 0
debug rocksdb = 0
`
}

async function tool(name: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(name, args, { timeout: START_TIMEOUT_MS })
}

function spawnDaemon(log: string, name: string, args: string[]): ChildProcess {
  // The kernel ends the daemon with us, even when we are killed.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = createWriteStream(log)
  child.stdout.pipe(output, { end: false })
  child.stderr.pipe(output, { end: false })
  return child
}

async function stopDaemon(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const ended = once(daemon, 'exit')
  const impatience = setTimeout(() => daemon.kill('SIGKILL'), STOP_TIMEOUT_MS)
  daemon.kill('SIGTERM')
  await ended
  clearTimeout(impatience)
}

async function untilAnswers(endpoint: string, daemons: ChildProcess[]): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(endpoint).catch(() => null)
    if (answer?.ok) return
    const ended = daemons.find((daemon) => daemon.exitCode !== null)
    if (ended || Date.now() > deadline)
      throw new Error(ended ? `${ended.spawnargs[2]} ended` : 'no answer in time')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function tail(path: string): Promise<string> {
  return readFile(path, 'utf8').then(
    (text) => text.slice(-2000),
    () => '',
  )
}

async function main(): Promise<void> {
  const missing = missingPrograms()
  if (missing.length > 0) {
    console.error(`not installed: ${missing.join(', ')}; apt-get install ceph-mon ceph-osd radosgw`)
    process.exitCode = 1
    return
  }
  const server = await startRadosgw()
  const { endpoint, accessKey, secretKey, region } = server
  console.log(`S3_ENDPOINT=${endpoint}\nS3_ACCESS_KEY=${accessKey}\nS3_SECRET_KEY=${secretKey}`)
  console.log(`S3_REGION=${region}\nS3_BUCKET=ait`)
  const keepAlive = setInterval(() => {}, 1 << 30)
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
  clearInterval(keepAlive)
  await server.stop()
}

if (import.meta.main) await main()
