import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A bare connection, on which a test can be as rude as it likes. */
export interface Wire {
  socket: Socket
  closed: Promise<void>
  send(text: string): void
  /** All that came back, once the other side has hung up. */
  rest(): Promise<string>
  /** Waits until what came back matches. */
  until(pattern: RegExp): Promise<string>
}

export async function openWire(url: string): Promise<Wire> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let received = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text
  })
  socket.on('error', () => {})
  // A reset is an end like any other here.
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  return {
    socket,
    closed,
    send: (text) => void socket.write(text),
    async rest() {
      await closed
      return received
    },
    async until(pattern) {
      while (!pattern.test(received)) {
        if (socket.destroyed) throw new Error(`closed before ${pattern}: ${received}`)
        const data = new Promise<void>((resolve) => void socket.once('data', () => resolve()))
        await Promise.race([data, closed])
      }
      return received
    },
  }
}

/** Status and JSON of a raw answer. */
export function parseAnswer(text: string): { status: number; head: string; body: any } {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    head,
    body: json ? JSON.parse(json) : undefined,
  }
}
