import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

/** Where a file goes, and as whom. */
export interface Through {
  url: string
  token: string
}

const mib = 1024 * 1024

/** Makes a file of random bytes. */
export async function makeFile(path: string, mebibytes: number): Promise<void> {
  const chunk = randomBytes(mib)
  await pipeline(Readable.from(Array.from({ length: mebibytes }, () => chunk)), createWriteStream(path))
}

/** Copies a file as the runtime does it when left alone, down to the disk, and removes the copy. */
export async function copy(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createWriteStream(to, { flush: true }))
  await rm(to)
}

/** Uploads the first `mebibytes` of the file, in constant memory; resolves to the new file's id. */
export async function upload({ url, token }: Through, file: string, mebibytes: number): Promise<string> {
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
  const content = createReadStream(file, { end: mebibytes * mib - 1, highWaterMark: 256 * 1024 })
  await pipeline(content, sending, { end: false })
  sending.end(tail)
  const [answer] = await answered
  const body = await text(answer)
  if (answer.statusCode !== 201) throw new Error(`upload: ${answer.statusCode} ${body}`)
  return (JSON.parse(body) as { id: string }).id
}

/** Downloads the file and lets its bytes go. */
export async function download({ url, token }: Through, id: string, mebibytes: number): Promise<void> {
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
