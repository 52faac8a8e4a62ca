import {
  Connection,
  UpstreamFailure,
  type Exchange,
  type Origin,
  type Timeouts,
  type Shared,
} from './connection.ts'

export interface PoolLimits {
  connections: number
  /** Requests that may wait for a connection; more are refused at once. */
  queued: number
}

/** A server may close an idle connection at any time; after this long we do it first. */
const keepAliveMs = 4000
/**
 * What may not be repeated goes only over connections that were in use a moment ago: should the
 * server close an older one while the request is on its way, nobody could tell whether it was done.
 */
const freshMs = 1000

/** The connections to one target, and who waits for one. */
export class ConnectionPool {
  readonly #origin: Origin
  readonly #timeouts: Timeouts
  readonly #limits: PoolLimits
  readonly #all = new Set<Connection>()
  /** The one used last is on top, so that those not needed grow old and are closed. */
  readonly #idle: Connection[] = []
  /** Who waits, and until when. */
  readonly #queue = new Map<Exchange, number>()
  readonly #shared: Shared
  #closed = false

  constructor(origin: Origin, timeouts: Timeouts, limits: PoolLimits, shared: Shared) {
    this.#shared = shared
    this.#origin = origin
    this.#timeouts = timeouts
    this.#limits = limits
  }

  get open(): number {
    return this.#all.size
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Hands the exchange to a free connection, a new one, or the queue. */
  send(exchange: Exchange): void {
    if (this.#reuse(exchange)) return
    if (this.#all.size >= this.#limits.connections && this.#idle.length === 0) return this.#enqueue(exchange)
    // The free ones are too old for this exchange: at the limit, one of them makes room.
    if (this.#all.size >= this.#limits.connections) this.#idle[0]?.close()
    this.#start(exchange)
  }

  /** The exchange is not wanted any more; it may still be waiting. */
  withdraw(exchange: Exchange): void {
    this.#queue.delete(exchange)
  }

  /** Looks for waits that became too long. Called a few times a second, in place of a timer per request. */
  sweep(now: number): void {
    for (const connection of this.#all) if (connection.deadline < now) connection.timeOut()
    for (let oldest = this.#idle[0]; oldest && isTooOld(oldest, now); oldest = this.#idle[0]) oldest.close()
    for (const [exchange, until] of this.#queue) {
      if (until > now) break
      this.#queue.delete(exchange)
      exchange.onFailure(new UpstreamFailure('overload', 'no connection became free in time'))
    }
  }

  /** Closes what is idle now, and the rest as it becomes so. */
  close(): void {
    this.#closed = true
    while (this.#idle[0]) this.#idle[0].close()
  }

  onIdle(connection: Connection): void {
    const next = this.#dequeue()
    if (next) connection.send(next)
    else if (this.#closed) connection.close()
    else this.#idle.push(connection)
  }

  onClose(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    const next = this.#all.size < this.#limits.connections ? this.#dequeue() : undefined
    if (next) this.#start(next)
  }

  #reuse(exchange: Exchange): boolean {
    const top = this.#idle.at(-1)
    if (!top || exchange.wantsFresh) return false
    if (!exchange.isRepeatable && Date.now() - top.idleSince > freshMs) return false
    this.#idle.pop()
    top.send(exchange)
    return true
  }

  #start(exchange: Exchange): void {
    const connection = new Connection(this.#origin, this.#timeouts, this, this.#shared)
    this.#all.add(connection)
    connection.send(exchange)
  }

  #enqueue(exchange: Exchange): void {
    if (this.#queue.size < this.#limits.queued)
      this.#queue.set(exchange, Date.now() + this.#timeouts.connectMs)
    else exchange.onFailure(new UpstreamFailure('overload', 'too many requests are waiting'))
  }

  #dequeue(): Exchange | undefined {
    const next = this.#queue.keys().next().value
    if (next) this.#queue.delete(next)
    return next
  }
}

const isTooOld = ({ keepAliveMs: told, idleSince }: Connection, now: number): boolean =>
  now - idleSince > (told > 0 ? Math.max(500, Math.min(told - 1000, 60_000)) : keepAliveMs)
