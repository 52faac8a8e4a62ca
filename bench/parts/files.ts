import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { median } from '../duel.ts'
import type { Part } from '../part.ts'
import { cpuSeconds, forgetPeak, memoryMib } from '../process.ts'
import { atLeast, below, type Report } from '../report.ts'
import { newToken, startSuite } from '../suite.ts'

const mib = 1024 * 1024
const sizeMib = 1024
const rounds = 2
/** Until a runtime has the buffers that it keeps for streams of any length. */
const warmUpMib = 256
const mostGrowthMib = 50
const leastShareOfCopy = 0.6

/** One file of 1 GiB in and out, over HTTP, against a plain copy of it by the same runtime. */
export const filesPart: Part = {
  name: 'files',
  async run(bench): Promise<Report> {
    const file = join(bench.folder, 'file')
    await writeFile(file, sizeMib)
    const plain = await watched(process.pid, () => copy(file, join(bench.folder, 'copy')))
    const suite = await startSuite(bench)
    try {
      const token = await newToken(suite)
      const rows: Row[] = [{ name: 'plain copy', ...plain }]
      for (const service of ['storage', 'gateway'] as const) {
        const through = { url: suite.url(service), token, pid: suite.server.pid }
        rows.push(...(await throughService(service, through, file)))
      }
      return reportOf(rows)
    } finally {
      await suite.server.stop()
    }
  },
}

interface Row {
  name: string
  mibPerSecond: number
  /** CPU time of the server, or of the process that copies. */
  cpuSeconds: number
  growthMib: number
}

function reportOf(rows: readonly Row[]): Report {
  const [plain, ...measured] = rows as [Row, ...Row[]]
  return {
    title: `files: ${sizeMib} MiB over HTTP against a plain copy by the same runtime`,
    table: [
      ['', 'MiB/s', 'ratio', 'CPU s', 'memory grew by'],
      ...rows.map(({ name, mibPerSecond, cpuSeconds: cpu, growthMib }) => [
        name,
        mibPerSecond.toFixed(0),
        (mibPerSecond / plain.mibPerSecond).toFixed(2),
        cpu.toFixed(2),
        `${growthMib.toFixed(0)} MiB`,
      ]),
    ],
    verdicts: measured.flatMap(({ name, mibPerSecond, growthMib }) => [
      atLeast(`${name}: speed, of a plain copy's`, mibPerSecond / plain.mibPerSecond, leastShareOfCopy),
      below(`${name}: memory grew by`, growthMib, mostGrowthMib, 'MiB'),
    ]),
  }
}

interface Through {
  url: string
  token: string
  pid: number
}

async function throughService(name: string, through: Through, file: string): Promise<Row[]> {
  // What is loaded and allocated once, at the first file, is not growth.
  await download(through, await upload(through, file, warmUpMib), warmUpMib)
  let id = ''
  const up = await watched(through.pid, async () => (id = await upload(through, file, sizeMib)))
  const down = await watched(through.pid, () => download(through, id, sizeMib))
  return [
    { name: `upload to ${name}`, ...up },
    { name: `download from ${name}`, ...down },
  ]
}

/** Speed of `work` on the whole file, and how far the server's memory rose over where it was before. */
async function watched(pid: number, work: () => Promise<unknown>): Promise<Omit<Row, 'name'>> {
  forgetPeak(pid)
  const before = memoryMib(pid).now
  const cpuBefore = cpuSeconds(pid)
  const speeds = await times(work)
  return {
    mibPerSecond: median(speeds),
    cpuSeconds: (cpuSeconds(pid) - cpuBefore) / rounds,
    growthMib: Math.max(0, memoryMib(pid).peak - before),
  }
}

async function times(work: () => Promise<unknown>): Promise<number[]> {
  const speeds: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await work()
    speeds.push(sizeMib / ((performance.now() - start) / 1000))
  }
  return speeds
}

async function writeFile(path: string, mebibytes: number): Promise<void> {
  const chunk = randomBytes(mib)
  await pipeline(Readable.from(Array.from({ length: mebibytes }, () => chunk)), createWriteStream(path))
}

async function copy(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createWriteStream(to, { flush: true }))
  await rm(to)
}

/** Uploads the first `mebibytes` of the file, in constant memory; resolves to the new file's id. */
async function upload({ url, token }: Through, file: string, mebibytes: number): Promise<string> {
  const boundary = randomBytes(16).toString('hex')
  // A few bytes of its own make each upload a new content.
  const salt = randomBytes(16)
  const head = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${salt.toString('hex')}.bin"\r\n` +
        'Content-Type: application/octet-stream\r\n\r\n',
    ),
    salt,
  ])
  const tail = Buffer.from(
    `\r\n--${boundary}\r\nContent-Disposition: form-data; name="folder"\r\n\r\nbench\r\n--${boundary}--\r\n`,
  )
  const sending = request(`${url}/api/v1/storage/upload`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': head.length + mebibytes * mib + tail.length,
    },
  })
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>
  sending.write(head)
  await pipeline(createReadStream(file, { end: mebibytes * mib - 1 }), sending, { end: false })
  sending.end(tail)
  const [answer] = await answered
  const body = await text(answer)
  if (answer.statusCode !== 201) throw new Error(`upload: ${answer.statusCode} ${body}`)
  return (JSON.parse(body) as { id: string }).id
}

/** Downloads the file and lets its bytes go. */
async function download({ url, token }: Through, id: string, mebibytes: number): Promise<void> {
  const sending = request(`${url}/api/v1/storage/download/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  sending.end()
  const [answer] = (await once(sending, 'response')) as [IncomingMessage]
  let bytes = 0
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done()
    },
  })
  await pipeline(answer, count)
  if (answer.statusCode !== 200 || bytes < mebibytes * mib)
    throw new Error(`download: ${answer.statusCode}, ${bytes} bytes`)
}
