import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'

export type Verdict = { infected: false } | { infected: true; signature: string }

export type Scanner = {
  /** Streams a content to the scanner. Throws when the scanner cannot be reached or refuses to look. */
  scan(content: Readable): Promise<Verdict>
}

/** clamd says nothing while it works; its own limit for one scan is two minutes. */
const SILENCE_MS = 180_000

/**
 * ClamAV's daemon over TCP, by its own protocol (clamd(8)): `zINSTREAM`, chunks with a four-byte length before each, a
 * zero length at the end, one line back. By hand, because the usual package brings local-file scanning and a class with
 * state for what are these few lines.
 */
export function createClamd(options: { host: string; port: number }): Scanner {
  return {
    async scan(content) {
      // Whatever happens, the content is closed.
      const socket = await open(options).catch((error: unknown) => {
        content.destroy()
        throw error
      })
      try {
        const answer = text(socket)
        answer.catch(() => {})
        socket.write('zINSTREAM\0')
        // A content above clamd's own limit makes it hang up in the middle, which is an error here like any other.
        await pipeline(content, framed, socket, { end: false })
        return verdictOf((await answer).replaceAll('\0', '').trim())
      } finally {
        content.destroy()
        socket.destroy()
      }
    },
  }
}

async function open({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = connect({ host, port })
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('clamd is silent')))
  await once(socket, 'connect')
  return socket
}

async function* framed(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    if (chunk.length === 0) continue
    yield lengthOf(chunk.length)
    yield chunk
  }
  yield lengthOf(0)
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes)
  return length
}

function verdictOf(answer: string): Verdict {
  if (answer === 'stream: OK') return { infected: false }
  const signature = /^stream: (.+) FOUND$/.exec(answer)?.[1]
  if (signature) return { infected: true, signature }
  throw new Error(`clamd answered ${answer || 'nothing'}`)
}
