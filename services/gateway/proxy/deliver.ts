import type { ServerResponse } from 'node:http'
import { handPrincipal } from '@ait/kit'
import { withoutCookie } from '../domain/cookies.ts'
import { forwardHead } from '../domain/forward-head.ts'
import { dropForwarded, dropIdentity } from '../domain/request-head.ts'
import { isRequestId } from '../domain/trace.ts'
import { edgeOf } from './edge-response.ts'
import type { FrontOptions } from './front.ts'
import { Hop } from './hop.ts'
import type { Passage } from './passage.ts'
import type { Upstream } from './upstream.ts'

/** Hands the request to the gateway itself, to a service in this process, or over HTTP. */
export function deliver(passage: Passage, response: ServerResponse, options: FrontOptions): void {
  const upstream = passage.route?.upstream
  if (!upstream) {
    dressForLocal(passage, options, true)
    return options.own(passage.request, response)
  }
  const { service } = upstream.config
  const local = service === null ? undefined : options.services.local(service)
  if (!local) return forward(passage, response, upstream, options)
  if (passage.head.expectsContinue) response.writeContinue()
  dressForLocal(passage, options, false)
  options.outbox.hold(passage.request.socket)
  local.handle(passage.request, response)
}

/**
 * Gives a request in this process the form that it would have after a hop: who asks is already
 * known, what only a proxy may say is the truth or absent.
 */
export function dressForLocal(passage: Passage, options: FrontOptions, keepsCookie: boolean): void {
  const { request, head } = passage
  if (request.url?.charCodeAt(0) !== 47) request.url = passage.path + passage.query
  if (passage.principal) handPrincipal(request, passage.principal)
  if (passage.byCookie) request.headers.authorization = `Bearer ${passage.token}`
  if (head.cookie !== undefined && !keepsCookie) {
    const cookie = withoutCookie(head.cookie, options.cookieName)
    if (cookie === undefined) delete request.headers.cookie
    else request.headers.cookie = cookie
  }
  if (head.hasIdentity || head.hasForwarded) {
    for (const name of Object.keys(request.headers)) {
      const fate = options.fateOf(name)
      if (fate === dropIdentity || fate === dropForwarded) delete request.headers[name]
    }
  }
  if (passage.client.address !== passage.peer) {
    request.headers['x-forwarded-for'] = passage.client.address
    request.headers['x-forwarded-proto'] = passage.client.proto
    request.headers['x-forwarded-host'] = passage.client.host
  }
  if (head.traceparent !== undefined)
    request.headers['traceparent'] = options.traces.traceparent(head.traceparent)
}

function forward(
  passage: Passage,
  response: ServerResponse,
  upstream: Upstream,
  options: FrontOptions,
): void {
  const { head, method } = passage
  const { config } = upstream
  const requestId = isRequestId(head.requestId) ? head.requestId : options.traces.requestId()
  const edge = edgeOf(response)
  if (edge) edge.requestId = requestId
  const text = headFor(passage, upstream, options, requestId)
  const hop = new Hop(passage.request, response, upstream, options.log, {
    method,
    head: text,
    hasBody: head.chunked || head.contentLength > 0,
    chunked: head.chunked,
    expectsContinue: head.expectsContinue,
    bodyLimitBytes: config.bodyLimitBytes,
  })
  hop.start(passage.now)
}

/** Request line and headers as they go to an upstream. */
export function headFor(
  passage: Passage,
  upstream: Upstream,
  { traces, fateOf, cookieName }: FrontOptions,
  requestId: string,
  upgrade?: string,
): string {
  const { head, client } = passage
  const { config } = upstream
  const path = config.stripPrefix ? stripped(passage.path, config.prefix) : passage.path
  return forwardHead({
    method: passage.method,
    path: path + passage.query,
    raw: passage.request.rawHeaders,
    head,
    fateOf,
    authorization: passage.byCookie ? `Bearer ${passage.token}` : head.authorization,
    cookie: head.cookie && withoutCookie(head.cookie, cookieName),
    host: head.host ?? client.host,
    forwardedFor: client.address,
    forwardedProto: client.proto,
    forwardedHost: client.host,
    requestId,
    traceparent: traces.traceparent(head.traceparent),
    ...(upgrade !== undefined && { upgrade }),
  })
}

function stripped(path: string, prefix: string): string {
  const rest = path.slice(prefix.replace(/\/+$/, '').length)
  return rest.startsWith('/') ? rest : `/${rest}`
}
