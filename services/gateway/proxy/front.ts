import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { Problem, problems, type Directory, type Principal, type Verifier } from '@ait/kit'
import { isPrivateAddress } from '../domain/client-address.ts'
import { cookieValue } from '../domain/cookies.ts'
import type { CorsPolicy } from '../domain/cors.ts'
import { isAmbiguousPath } from '../domain/route-table.ts'
import { mayActByCookie } from '../domain/same-origin.ts'
import { isRequestId, type TraceIds } from '../domain/trace.ts'
import type { createFates } from '../domain/request-head.ts'
import type { Verdict } from '../domain/window-counter.ts'
import { serveStored, type AnswerCache } from './answer-cache.ts'
import { deliver } from './deliver.ts'
import { attachEdge, edgeOf } from './edge-response.ts'
import type { Limiter } from './limiter.ts'
import type { Outbox } from './outbox.ts'
import { bearerOf, faultOf, openPassage, type Passage } from './passage.ts'
import { answerProblem, refuseMalformed } from './problem-answer.ts'
import type { Routes } from './routes.ts'
import type { Sessions } from './sessions.ts'
import { createTraffic } from './traffic.ts'

export interface FrontOptions {
  routes: Routes
  services: Directory
  verifier: Verifier
  sessions: Sessions
  limiter: Limiter
  /** Holds back answers of services in this process; see `createOutbox`. */
  outbox: Outbox
  cache: AnswerCache
  cors: CorsPolicy
  traces: TraceIds
  fateOf: ReturnType<typeof createFates>
  isTrusted(address: string): boolean
  /** Name of the session cookie. */
  cookieName: string
  isHttps: boolean
  /** Origins of the suite's own pages. */
  ownOrigins: readonly string[]
  log: Logger
  /** The gateway's own operations, on Fastify. */
  own(request: IncomingMessage, response: ServerResponse): void
}

export type Front = ReturnType<typeof createFront>

/**
 * What every request passes before Fastify or a service sees it, top-down: is it sound → where does
 * it go → may that origin ask → who asks → not too often → is the answer known → deliver.
 */
export function createFront(options: FrontOptions) {
  const own = createTraffic()
  /** Nothing more is read from these: what follows a request that cannot be understood is anybody's guess. */
  const closing = new WeakSet<Socket>()

  let draining = false
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    if (closing.has(request.socket)) return
    if (draining) response.shouldKeepAlive = false
    const passage = openPassage(request, options.fateOf, options.isTrusted)
    passage.route = options.routes.table.find(passage.path)
    attach(passage, response, options, own)
    const fault = faultOf(passage)
    if (fault !== undefined) {
      closing.add(request.socket)
      return refuse(response, problems.badRequest('malformed_request', `The request has ${fault}`), true)
    }
    if (isAmbiguousPath(passage.path))
      return refuse(response, problems.badRequest('bad_path', 'The path has . or .. segments'))
    if (passage.route?.prefix === '/metrics' && !isFromInside(passage))
      return refuse(response, problems.notFound())
    const limit = passage.route?.upstream?.config.bodyLimitBytes
    if (limit !== undefined && passage.head.contentLength > limit)
      return refuse(response, problems.tooLarge(limit), true)
    if (passage.head.origin !== undefined && admitOrigin(passage, response, options)) return
    const refusal = identify(passage, options)
    if (refusal instanceof Promise)
      refusal.then(
        (problem) => go(passage, response, options, problem),
        (error: unknown) => fail(response, options, error),
      )
    else go(passage, response, options, refusal)
  }
  const onClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (!closing.has(socket)) refuseMalformed(error, socket)
  }
  /** From now on connections end with their answer. */
  const drain = (): void => void (draining = true)
  return { handle, onClientError, drain, own }
}

/** Metrics are for who scrapes them on this side of all proxies. */
const isFromInside = ({ head, peer }: Passage): boolean => !head.hasForwarded && isPrivateAddress(peer)

/** Refused before its body was read: with `closing` the connection does not wait for it either. */
function refuse(response: ServerResponse, problem: Problem, closing = false): void {
  if (closing) response.shouldKeepAlive = false
  answerProblem(response, problem)
}

function attach(
  passage: Passage,
  response: ServerResponse,
  options: FrontOptions,
  own: ReturnType<typeof createTraffic>,
): void {
  const { head, route, client } = passage
  attachEdge(response, {
    traffic: route?.upstream ? route.upstream.traffic : own,
    startedAt: performance.now(),
    isHttps: options.isHttps || client.proto === 'https',
    isHead: passage.method === 'HEAD',
    requestId: isRequestId(head.requestId) ? head.requestId : null,
    acceptEncoding: head.acceptEncoding,
    cors: head.origin === undefined ? none : options.cors.answerHeaders(head.origin),
    verdict: undefined,
    storeIn: null,
  })
}

const none: readonly string[] = []

/** Answers preflights. True when the request has been answered. */
function admitOrigin(passage: Passage, response: ServerResponse, { cors }: FrontOptions): boolean {
  const { request, head } = passage
  if (passage.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
    return false
  const headers = cors.preflightHeaders(
    head.origin as string,
    request.headers['access-control-request-headers'],
  )
  if (!headers)
    answerProblem(
      response,
      problems.forbidden('This origin may not call from a browser', 'origin_not_allowed'),
    )
  else {
    ;(edgeOf(response) as { cors: readonly string[] }).cors = none
    response.writeHead(204, [...headers, 'vary', 'origin'])
    response.end()
  }
  return true
}

/**
 * Finds out who asks. A token that is not valid makes nobody of them: whether the operation is open
 * to anybody, the service knows (signing in must work with an old token in the header).
 * @returns why the request may not go on
 */
export function identify(
  passage: Passage,
  options: FrontOptions,
): Problem | undefined | Promise<Problem | undefined> {
  const access = passage.route?.upstream?.config.access ?? 'service'
  if (access === 'open') return undefined
  const bearer = bearerOf(passage.head.authorization)
  if (bearer !== undefined) return verify(passage, options, bearer, access)
  const secret = cookieValue(passage.head.cookie, options.cookieName)
  if (secret && passage.head.authorization === undefined) return byCookie(passage, options, secret, access)
  return access === 'token' ? problems.unauthorized() : undefined
}

function verify(
  passage: Passage,
  { verifier, limiter }: FrontOptions,
  token: string,
  access: string,
): Problem | undefined | Promise<Problem | undefined> {
  const admit = (principal: Principal): undefined => {
    passage.principal = principal
    passage.token = token
  }
  const reject = (error: unknown): Problem | undefined => {
    if (!(error instanceof Problem)) throw error
    return access === 'token' || error.status !== 401 ? error : undefined
  }
  try {
    const known = verifier.known(token)
    if (known) return admit(known)
    // Checking a signature costs more than all the rest: an address can have that only so often.
    const verdict = limiter.takeAddress(passage.client.address, passage.now)
    if (!verdict.allowed) return problems.tooMany(verdict.resetSeconds)
    return Promise.resolve(verifier.verify(token)).then(admit, reject)
  } catch (error) {
    return reject(error)
  }
}

function byCookie(
  passage: Passage,
  options: FrontOptions,
  secret: string,
  access: string,
): Problem | undefined | Promise<Problem | undefined> {
  const { head, client, request } = passage
  const fetchSite = request.headers['sec-fetch-site']
  const hints = {
    method: passage.method,
    fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
    origin: head.origin,
  }
  if (!mayActByCookie(hints, [...options.ownOrigins, `${client.proto}://${client.host}`]))
    return problems.forbidden('Another site may not act in this session', 'cross_site')
  const use = (token: string | undefined): Problem | undefined | Promise<Problem | undefined> => {
    if (token === undefined) return access === 'token' ? problems.unauthorized() : undefined
    passage.byCookie = true
    return verify(passage, options, token, access)
  }
  const known = options.sessions.known(secret)
  if (known !== undefined) return use(known)
  // Nor can it ask auth about made-up cookies any more often.
  const verdict = options.limiter.takeAddress(client.address, passage.now)
  if (!verdict.allowed) return problems.tooMany(verdict.resetSeconds)
  return options.sessions.ask(secret, client.address).then(use)
}

function go(
  passage: Passage,
  response: ServerResponse,
  options: FrontOptions,
  refusal: Problem | undefined,
): void {
  if (response.destroyed) return
  const verdict = passage.route && !passage.route.isLimited ? undefined : count(passage, response, options)
  if (verdict && !verdict.allowed)
    return refuse(response, problems.tooMany(verdict.resetSeconds), passage.head.contentLength > 0)
  if (refusal) return refuse(response, refusal, passage.head.contentLength > 0)
  if (passage.method === 'GET' && passage.principal === undefined && fromCache(passage, response, options))
    return
  deliver(passage, response, options)
}

/** Counts a person by their id, everybody else by address. Parts of the suite are not counted. */
function count(passage: Passage, response: ServerResponse, { limiter }: FrontOptions): Verdict | undefined {
  const { principal, client, now } = passage
  if (principal?.kind === 'service') return undefined
  const isUser = principal?.kind === 'user'
  const general = isUser ? limiter.takeUser(principal.id, now) : limiter.takeAddress(client.address, now)
  const own = limiter.takeRoute(passage.path, isUser ? principal.id : client.address, now)
  const ownIsNearer = own && general.allowed && (!own.allowed || own.remaining < general.remaining)
  const verdict = ownIsNearer ? own : general
  const edge = edgeOf(response)
  if (edge) edge.verdict = verdict
  return verdict
}

/** Answers from what is stored, or lets the answer be stored. */
function fromCache(passage: Passage, response: ServerResponse, { cache }: FrontOptions): boolean {
  const { head, request } = passage
  if (head.authorization !== undefined || head.cookie !== undefined || !passage.route?.upstream) return false
  const header = (name: string): string | undefined => {
    const value = request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  // With the host: an answer may name it, and what a client says there must not reach others.
  const { proto, host } = passage.client
  const url = `${proto}://${host}${passage.path}${passage.query}`
  const stored = cache.bytes > 0 ? cache.find(url, header, passage.now) : undefined
  if (!stored || header('range') !== undefined || header('cache-control')?.includes('no-')) {
    const edge = edgeOf(response)
    if (edge) edge.storeIn = { cache, url, header }
    return false
  }
  const answer = serveStored(stored, header('if-none-match'), passage.now)
  response.writeHead(answer.status, answer.headers)
  response.end(answer.body)
  return true
}

function fail(response: ServerResponse, { log }: FrontOptions, error: unknown): void {
  if (error instanceof Problem) return answerProblem(response, error)
  log.error({ err: error }, 'the edge failed')
  answerProblem(response, problems.unavailable('Signing in cannot be checked right now', 'auth_unavailable'))
}
