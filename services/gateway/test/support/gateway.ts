import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ServiceInfo } from '@ait/kit'
import { startTestService, type TestOptions, type TestService } from '@ait/testing'
import manifest from '../../service.ts'
import type { Deps } from '../../deps.ts'

export interface TestGateway extends TestService {
  url: string
  port: number
  deps: Deps
  /** Replaces gateway.yaml, without waiting for the gateway to notice. */
  writeFile(text: string): Promise<void>
}

export interface GatewayOptions extends TestOptions {
  /** Addresses of a service `things` at /api/v1/things. */
  things?: string
  file?: string
}

export const info = (name: string): ServiceInfo => ({
  name,
  title: name,
  port: 1,
  path: `/api/v1/${name}`,
  subscriptions: [],
})

/** Starts the real gateway on a free port, in front of the given upstreams. */
export async function startGateway(t: TestContext, options: GatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'))
  const path = join(folder, 'gateway.yaml')
  if (options.file !== undefined) await writeFile(path, options.file)
  const gateway = await startTestService(manifest, {
    services: [info('gateway'), info('things')],
    ...options,
    env: {
      GATEWAY_FILE: path,
      // The tests themselves come from the loopback address.
      TRUSTED_PROXIES: '192.0.2.1',
      ...(options.things !== undefined && { THINGS_URL: options.things }),
      ...options.env,
    },
  })
  const url = await gateway.service.listen(0, '127.0.0.1')
  t.after(async () => {
    await gateway.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    ...gateway,
    url,
    port: Number(new URL(url).port),
    deps: gateway.service.deps as Deps,
    writeFile: (text) => writeFile(path, text),
  }
}

export interface TestUpstream {
  url: string
  server: Server
  /** Requests that arrived, oldest first. */
  seen: IncomingMessage[]
  stop(): Promise<void>
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A real HTTP server to stand behind the gateway. Without a handler it answers `{}`. */
export async function startUpstream(t: TestContext, handler?: Handler, port = 0): Promise<TestUpstream> {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    if (handler) return handler(request, response)
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  t.after(stop)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, seen, stop }
}

/** An address where nobody listens. */
export async function deadUrl(t: TestContext): Promise<string> {
  const upstream = await startUpstream(t)
  await upstream.stop()
  return upstream.url
}

/** Sends bytes as they are, and collects what comes back until the connection ends. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  // No half-close: Node takes that for a client that has gone away.
  socket.write(text, 'latin1')
  return collect(socket)
}

export async function collect(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => socket.once('close', resolve).on('error', resolve))
  return Buffer.concat(chunks).toString('latin1')
}
