import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { Problem, problems } from '@ait/kit'
import type { Connection, Exchange, UpstreamFailure } from './connection.ts'
import { answerProblem } from './problem-answer.ts'
import type { Target, Upstream } from './upstream.ts'

/** How often a request is tried again at most. */
const maxRetries = 2
/** Answers up to this size that have arrived whole leave in one packet together with their head. */
const onePacketBytes = 16_384

export interface HopRequest {
  method: string
  /** Request line and headers as they go to the target. */
  head: string
  hasBody: boolean
  /** The body comes without a length and leaves so. */
  chunked: boolean
  expectsContinue: boolean
  bodyLimitBytes: number
}

const repeatable = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/**
 * One request on its way through the gateway over HTTP: to a target, and its answer back, with
 * back-pressure both ways and nothing buffered.
 * A class, because one is made per request: closures would cost a third more.
 */
export class Hop implements Exchange {
  readonly method: string
  readonly head: string
  readonly isRepeatable: boolean
  isSent: boolean
  wantsFresh = false
  connection: Connection | undefined = undefined
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #upstream: Upstream
  readonly #log: Logger
  readonly #asked: HopRequest
  #target: Target | undefined = undefined
  #retries = 0
  #bodyBytes = 0
  #bodyBegun = false
  #done = false
  #status = 0
  #headers: string[] | null = null
  #length = -1

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    upstream: Upstream,
    log: Logger,
    asked: HopRequest,
  ) {
    this.method = asked.method
    this.head = asked.head
    this.isRepeatable = !asked.hasBody && repeatable.has(asked.method)
    this.isSent = !asked.hasBody
    this.#request = request
    this.#response = response
    this.#upstream = upstream
    this.#log = log
    this.#asked = asked
    upstream.traffic.inFlight += 1
    response.on('close', () => this.#onClientGone())
  }

  start(now: number): void {
    if (!this.#upstream.breaker.allows(now)) {
      const seconds = Math.max(1, Math.ceil(this.#upstream.breaker.retryAfterMs(now) / 1000))
      return this.#refuse(unreachable(seconds))
    }
    this.#upstream.retries.earn()
    this.#try(now)
  }

  #try(now: number, except?: Target): void {
    const target = this.#upstream.choose(now, except)
    if (!target) return this.#refuse(unreachable(5))
    this.#target = target
    target.inFlight += 1
    target.pool.send(this)
  }

  onSent(): void {
    if (this.isSent || this.#bodyBegun) return
    this.#bodyBegun = true
    if (this.#asked.expectsContinue) this.#response.writeContinue()
    this.#request.on('data', (chunk: Buffer) => this.#sendBody(chunk))
    this.#request.on('end', () => this.#endBody())
  }

  #sendBody(chunk: Buffer): void {
    const { connection } = this
    if (!connection || this.#done) return
    this.#bodyBytes += chunk.length
    if (this.#bodyBytes > this.#asked.bodyLimitBytes) {
      this.#leave()
      connection.abort()
      return answerProblem(this.#response, problems.tooLarge(this.#asked.bodyLimitBytes))
    }
    let flows: boolean
    if (this.#asked.chunked) {
      connection.cork()
      connection.write(`${chunk.length.toString(16)}\r\n`)
      connection.write(chunk)
      flows = connection.write('\r\n')
    } else flows = connection.write(chunk)
    if (!flows) this.#request.pause()
  }

  #endBody(): void {
    if (this.#done || !this.connection) return
    this.isSent = true
    if (this.#asked.chunked) this.connection.write('0\r\n\r\n')
  }

  onDrain(): void {
    this.#request.resume()
  }

  onHead(status: number, headers: string[], length: number): void {
    this.#status = status
    this.#headers = headers
    this.#length = length
    this.#upstream.answered(this.#target as Target, status < 500)
    if (isEventStream(headers)) {
      this.connection?.waitForever()
      this.#response.setTimeout(0)
    }
  }

  onBody(chunk: Buffer): void {
    if (this.#headers !== null) {
      this.#sendHead()
      if (this.#length === chunk.length) {
        this.#leave()
        if (this.#response.socket) this.connection?.hold(this.#response.socket)
        if (chunk.length <= onePacketBytes) this.#response.end(chunk.toString('latin1'), 'latin1')
        else this.#response.end(Buffer.from(chunk))
        return
      }
    }
    if (this.#response.write(Buffer.from(chunk))) return
    const { connection } = this
    connection?.pause()
    this.#response.once('drain', () => connection?.resume())
  }

  /** The head does not wait for a body that has not come yet. */
  onPause(): void {
    if (this.#headers === null || this.#done) return
    this.#sendHead()
    this.#response.flushHeaders()
  }

  onEnd(): void {
    if (this.#done) return
    if (this.#headers !== null) this.#sendHead()
    this.#leave()
    this.#response.end()
  }

  #sendHead(): void {
    this.#response.writeHead(this.#status, this.#headers as string[])
    this.#headers = null
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#done) return
    const now = Date.now()
    const upstream = this.#upstream
    const target = this.#target as Target
    // A kept connection that had been closed says nothing about the target's health.
    if (failure.kind !== 'stale' && failure.kind !== 'overload') upstream.lost(target, now)
    if (this.#mayRetry(failure, now)) {
      this.#retries += 1
      upstream.traffic.retries += 1
      target.inFlight -= 1
      this.#target = undefined
      this.connection = undefined
      this.wantsFresh = failure.kind === 'stale'
      return this.#try(now, target)
    }
    upstream.traffic.failures += 1
    this.#log.warn(
      { upstream: upstream.config.name, target: target.url, kind: failure.kind },
      failure.message,
    )
    this.#refuse(problemOf(failure))
  }

  /** What was never sent may go elsewhere; what was sent only when doing it twice does no harm. */
  #mayRetry({ kind }: UpstreamFailure, now: number): boolean {
    if (this.#retries >= maxRetries || this.#status !== 0 || this.#response.headersSent) return false
    if (kind === 'stale') return this.isRepeatable
    if (kind === 'connect')
      return !this.#bodyBegun && this.#upstream.targets.length > 1 && this.#upstream.retries.spend(now)
    return kind === 'reset' && this.isRepeatable && this.#upstream.retries.spend(now)
  }

  #refuse(problem: Problem): void {
    this.#leave()
    answerProblem(this.#response, problem)
  }

  /** Comes also after a whole answer; then there is nothing left to give up. */
  #onClientGone(): void {
    if (this.#done) return
    this.#leave()
    if (this.connection) this.connection.abort()
    else this.#target?.pool.withdraw(this)
  }

  #leave(): void {
    if (this.#done) return
    this.#done = true
    this.#upstream.traffic.inFlight -= 1
    if (this.#target) this.#target.inFlight -= 1
  }
}

const unreachable = (seconds: number): Problem =>
  new Problem(503, 'upstream_unavailable', 'The service cannot be reached right now', {
    headers: { 'retry-after': String(seconds) },
  })

function problemOf({ kind }: UpstreamFailure): Problem {
  if (kind === 'connect' || kind === 'overload') return unreachable(1)
  if (kind === 'timeout') return new Problem(504, 'upstream_timeout', 'The service did not answer in time')
  return new Problem(502, 'upstream_failed', 'The service broke off its answer')
}

function isEventStream(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 12 && (headers[i + 1] as string).startsWith('text/event-stream'))
      return name.toLowerCase() === 'content-type'
  }
  return false
}
