import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** The test file that every scanner takes for a virus (eicar.org), in two parts so that none finds it here. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')

export type FakeClamd = { port: number; scanned: number; stop(): Promise<void> }

/** Speaks clamd's protocol on the wire (clamd(8), INSTREAM) and finds only EICAR. */
export async function startFakeClamd({ limitBytes = 1 << 20, port = 0 } = {}): Promise<FakeClamd> {
  const fake = { port: 0, scanned: 0, stop: async () => {} }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    void serve(socket, limitBytes).then((scanned) => {
      if (scanned) fake.scanned++
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  fake.port = (server.address() as AddressInfo).port
  fake.stop = async () => {
    server.close()
    await once(server, 'close')
  }
  return fake
}

async function serve(socket: Socket, limitBytes: number): Promise<boolean> {
  let input = Buffer.alloc(0)
  let content = Buffer.alloc(0)
  for await (const chunk of socket) {
    input = Buffer.concat([input, chunk])
    if (input.toString('latin1', 0, 10) !== 'zINSTREAM\0') continue
    while (input.length >= 14) {
      const length = input.readUInt32BE(10)
      if (length === 0) {
        socket.end(content.includes(EICAR) ? 'stream: Win.Test.EICAR_HDB-1 FOUND\0' : 'stream: OK\0')
        return true
      }
      if (input.length < 14 + length) break
      content = Buffer.concat([content, input.subarray(14, 14 + length)])
      input = Buffer.concat([input.subarray(0, 10), input.subarray(14 + length)])
      if (content.length > limitBytes) {
        socket.end('INSTREAM size limit exceeded. ERROR\0')
        return false
      }
    }
  }
  return false
}
