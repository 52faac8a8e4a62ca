import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Problem, problems } from '@ait/kit'
import { cookieValue } from '../domain/cookies.ts'
import { isAmbiguousPath } from '../domain/route-table.ts'
import { mayConnectByCookie } from '../domain/same-origin.ts'
import { isRequestId } from '../domain/trace.ts'
import { open } from './connection.ts'
import { dressForLocal, headFor } from './deliver.ts'
import { identify, type FrontOptions } from './front.ts'
import { faultOf, openPassage, type Passage } from './passage.ts'
import { refuseSocket } from './problem-answer.ts'
import type { Tickets } from './tickets.ts'
import type { Target, Upstream } from './upstream.ts'

export interface Upgrades {
  handle(request: IncomingMessage, socket: Socket, rest: Buffer): void
  readonly open: number
  /** Ends all tunnels: the server is going away. */
  close(): void
}

/** Passes WebSockets through: the handshake is checked like any request, then bytes flow both ways. */
export function createUpgrades(options: FrontOptions, tickets: Tickets): Upgrades {
  const sockets = new Set<Socket>()

  const admit = async (passage: Passage): Promise<Problem | undefined> => {
    const problem = soundness(passage) ?? (await redeem(passage, tickets)) ?? originProblem(passage, options)
    if (problem) return problem
    const refusal = await identify(passage, options)
    if (refusal) return refusal
    const { principal, client, now } = passage
    const verdict =
      principal?.kind === 'user'
        ? options.limiter.takeUser(principal.id, now)
        : options.limiter.takeAddress(client.address, now)
    return verdict.allowed ? undefined : problems.tooMany(verdict.resetSeconds)
  }
  const handle = (request: IncomingMessage, socket: Socket, rest: Buffer): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    const passage = openPassage(request, options.fateOf, options.isTrusted)
    passage.route = options.routes.table.find(passage.path)
    admit(passage).then(
      (problem) => (problem ? refuseSocket(socket, problem) : connect(passage, socket, rest, options)),
      (error: unknown) => {
        options.log.error({ err: error }, 'an upgrade failed')
        refuseSocket(socket, problems.unavailable('The connection cannot be opened right now'))
      },
    )
  }
  return {
    handle,
    get open() {
      return sockets.size
    },
    close: () => sockets.forEach((socket) => socket.destroy()),
  }
}

/** Only WebSocket: other protocols behind an upgrade could carry requests past the edge. */
function soundness(passage: Passage): Problem | undefined {
  const { headers } = passage.request
  const fault = faultOf(passage)
  if (fault !== undefined) return problems.badRequest('malformed_request', `The request has ${fault}`)
  if (isAmbiguousPath(passage.path)) return problems.badRequest('bad_path', 'The path has . or .. segments')
  const isWebSocket =
    passage.method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    typeof headers['sec-websocket-key'] === 'string'
  if (!isWebSocket) return problems.badRequest('unknown_upgrade', 'Only WebSocket version 13 can be opened')
  if (passage.head.contentLength > 0 || passage.head.chunked)
    return problems.badRequest('malformed_request', 'A WebSocket handshake has no body')
  return passage.route?.upstream ? undefined : problems.notFound()
}

/** A ticket in the query becomes the bearer token that it was made for, and leaves the query. */
async function redeem(passage: Passage, tickets: Tickets): Promise<Problem | undefined> {
  if (!passage.query.includes('ticket=')) return undefined
  const query = new URLSearchParams(passage.query)
  const ticket = query.get('ticket')
  if (ticket === null) return undefined
  const token = await tickets.redeem(ticket)
  if (token === undefined) return problems.invalidToken('The ticket was used or is too old')
  query.delete('ticket')
  passage.query = query.size > 0 ? `?${query}` : ''
  passage.request.url = passage.path + passage.query
  passage.head.authorization = `Bearer ${token}`
  passage.request.headers.authorization = passage.head.authorization
  return undefined
}

/** Browsers let any page open a WebSocket to us, cookie and all: its origin must be one of ours. */
function originProblem(
  { head, client }: Passage,
  { cookieName, ownOrigins }: FrontOptions,
): Problem | undefined {
  if (head.authorization !== undefined || !cookieValue(head.cookie, cookieName)) return undefined
  return mayConnectByCookie(head.origin, [...ownOrigins, `${client.proto}://${client.host}`])
    ? undefined
    : problems.forbidden('Another site may not act in this session', 'cross_site')
}

function connect(passage: Passage, socket: Socket, rest: Buffer, options: FrontOptions): void {
  const upstream = passage.route?.upstream as Upstream
  const { service } = upstream.config
  const local = service === null ? undefined : options.services.local(service)
  // A conversation may pause longer than a request may take.
  socket.setTimeout(0)
  if (local) {
    dressForLocal(passage, options, false)
    if (!local.app.server.emit('upgrade', passage.request, socket, rest))
      refuseSocket(socket, problems.notFound())
    return
  }
  const target = upstream.choose(passage.now)
  if (!target || !upstream.breaker.allows(passage.now))
    return refuseSocket(socket, problems.unavailable('The service cannot be reached right now'))
  const requestId = isRequestId(passage.head.requestId) ? passage.head.requestId : options.traces.requestId()
  tunnel({
    upstream,
    target,
    socket,
    rest,
    head: headFor(passage, upstream, options, requestId, 'websocket'),
  })
}

interface Tunnel {
  upstream: Upstream
  target: Target
  socket: Socket
  rest: Buffer
  head: string
}

const maxHeadBytes = 65_536

/**
 * Bytes flow only after the target has agreed with 101: otherwise what the client sends next would
 * reach it as requests that nobody has checked.
 */
function tunnel({ upstream, target, socket, rest, head }: Tunnel): void {
  const { traffic, config } = upstream
  const peer = open(target.origin)
  let agreed = false
  let answer = Buffer.alloc(0)
  target.inFlight += 1
  traffic.inFlight += 1
  const timer = setTimeout(
    () => peer.destroy(new Error('no answer to the upgrade in time')),
    config.timeouts.headersMs,
  )

  const onAnswer = (chunk: Buffer): void => {
    answer = Buffer.concat([answer, chunk])
    const end = answer.indexOf('\r\n\r\n')
    if (end < 0) return void (answer.length > maxHeadBytes && peer.destroy())
    clearTimeout(timer)
    peer.off('data', onAnswer)
    upstream.answered(target, true)
    const status = /^HTTP\/1\.1 (\d{3})/.exec(answer.toString('latin1', 0, 12))?.[1]
    if (status !== '101') return refuseUpgrade(socket, peer, answer, end)
    agreed = true
    socket.write(answer)
    if (rest.length > 0) peer.write(rest)
    peer.pipe(socket)
    socket.pipe(peer)
  }
  peer.setNoDelay(true)
  peer.on('data', onAnswer)
  peer.once(target.origin.tls ? 'secureConnect' : 'connect', () => peer.write(head, 'latin1'))
  peer.on('error', () => {})
  peer.on('close', () => {
    clearTimeout(timer)
    target.inFlight -= 1
    traffic.inFlight -= 1
    if (agreed || answer.length > 0) return void socket.destroy()
    upstream.lost(target, Date.now())
    refuseSocket(socket, new Problem(502, 'upstream_failed', 'The service did not open the connection'))
  })
  socket.on('close', () => peer.destroy())
}

/** Hands on what the target answered instead of 101, and closes both sides. */
function refuseUpgrade(socket: Socket, peer: Socket, answer: Buffer, end: number): void {
  const head = answer.toString('latin1', 0, end).replace(/\r\n(connection|keep-alive|upgrade):[^\r\n]*/gi, '')
  socket.write(`${head}\r\nconnection: close\r\n\r\n`, 'latin1')
  socket.write(answer.subarray(end + 4))
  peer.pipe(socket)
  // A kept connection would never end by itself.
  peer.setTimeout(1000, () => peer.destroy())
}
