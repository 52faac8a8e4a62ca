import type { IncomingMessage } from 'node:http'
import type { Principal } from '@ait/kit'
import { clientOrigin, isHost, plainAddress, type ClientOrigin } from '../domain/client-address.ts'
import { normalPath } from '../domain/route-table.ts'
import { readHead, type RequestHead } from '../domain/request-head.ts'
import type { Route } from './routes.ts'

/** One request on its way through the edge. */
export interface Passage {
  request: IncomingMessage
  method: string
  head: RequestHead
  /** Normal, without the query. */
  path: string
  /** From the `?`, or empty. */
  query: string
  route: Route | undefined
  client: ClientOrigin
  peer: string
  now: number
  /** Verified; undefined for an anonymous request, and for a token that is not valid. */
  principal: Principal | undefined
  /** The bearer token that goes on to the service. */
  token: string | undefined
  /** It came by the session cookie, so it is not in the request's headers. */
  byCookie: boolean
}

export function openPassage(
  request: IncomingMessage,
  fateOf: Parameters<typeof readHead>[1],
  isTrusted: (address: string) => boolean,
): Passage {
  const head = readHead(request.rawHeaders, fateOf)
  const url = originForm(request.url ?? '/')
  const mark = url.indexOf('?')
  const peer = plainAddress(request.socket.remoteAddress)
  return {
    request,
    method: request.method ?? 'GET',
    head,
    path: normalPath(mark < 0 ? url : url.slice(0, mark)),
    query: mark < 0 ? '' : url.slice(mark),
    route: undefined,
    client: originOf(request, head, peer, isTrusted),
    peer,
    now: Date.now(),
    principal: undefined,
    token: undefined,
    byCookie: false,
  }
}

function originOf(
  request: IncomingMessage,
  head: RequestHead,
  peer: string,
  isTrusted: (address: string) => boolean,
): ClientOrigin {
  const direct = { proto: 'encrypted' in request.socket ? 'https' : 'http', host: head.host ?? '' } as const
  if (!head.hasForwarded) return { address: peer, proto: direct.proto, host: direct.host }
  return clientOrigin(peer, direct, request.headers as Record<string, string | undefined>, isTrusted)
}

/** `GET http://host/path` is the same as `GET /path` with that host (RFC 9112 §3.2.2). */
const originForm = (url: string): string =>
  url.charCodeAt(0) === 47 ? url : url.replace(/^https?:\/\/[^/?#]*(?=[/?#]|$)/i, '').replace(/^(?!\/)/, '/')

/** Why the request cannot be let in; undefined when it can. */
export const faultOf = ({ head, request }: Passage): string | undefined => {
  if (head.fault !== undefined) return head.fault
  if (head.host === undefined) return request.httpVersion === '1.0' ? undefined : 'no Host header'
  return isHost(head.host) ? undefined : 'a Host header that is no host'
}

/** The token of `Authorization: Bearer …`; other schemes are for the services to understand. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length < 8 || authorization.charCodeAt(6) !== 32)
    return undefined
  return /^bearer$/i.test(authorization.slice(0, 6)) ? authorization.slice(7).trim() : undefined
}
