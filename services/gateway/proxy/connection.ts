import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { lookup as resolve } from 'node:dns'
import { connect as connectTls } from 'node:tls'
import { forbiddenAddress } from '../domain/upstream-address.ts'
import type { Outbox } from './outbox.ts'
import { ProtocolError, ResponseReader, type ResponseSink } from './response-reader.ts'

export interface Origin {
  host: string
  port: number
  tls: boolean
  /** The configuration says that this may be a link-local address. */
  allowLinkLocal: boolean
}

export interface Timeouts {
  connectMs: number
  /** From the last byte of the request to the head of the response. */
  headersMs: number
  /** Longest silence while a body is under way, in either direction. */
  idleMs: number
}

/** Why an exchange failed. `connect`: nothing was sent. `stale`: a kept connection was already closed. */
export type FailureKind = 'connect' | 'stale' | 'reset' | 'timeout' | 'protocol' | 'overload'

export class UpstreamFailure extends Error {
  readonly kind: FailureKind
  constructor(kind: FailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** What a connection carries: one request, and the one who gets its answer. */
export interface Exchange extends ResponseSink {
  method: string
  /** Request line and headers. */
  head: string
  /** Sending it twice does no harm: an idempotent method without a body. */
  isRepeatable: boolean
  /** Not over a connection that was kept: one of those has just failed it. */
  wantsFresh: boolean
  /** Whether the body has been written to its end. */
  isSent: boolean
  /** Set while a connection carries it, or is being opened for it. */
  connection: Connection | undefined
  /** `head` has been sent: the body may follow by `connection.write`. */
  onSent(): void
  /** All that has arrived so far has been handed over, and there is more to come. */
  onPause(): void
  /** The peer takes more of the body. */
  onDrain(): void
  onFailure(failure: UpstreamFailure): void
}

/** What the connections of a gateway have in common. */
export interface Shared {
  outbox: Outbox
  readInto: Buffer
}

export interface ConnectionEvents {
  onIdle(connection: Connection): void
  onClose(connection: Connection): void
}

/**
 * One connection to a target: one exchange at a time, then the next. Written for the gateway because
 * a hop through a general client costs 1.6 times as much (see README, "Why an own HTTP client").
 * A class, because its fields are touched for every chunk that passes.
 */
export class Connection {
  readonly #socket: Socket
  readonly #reader = new ResponseReader()
  readonly #events: ConnectionEvents
  readonly #timeouts: Timeouts
  readonly #outbox: Outbox
  #exchange: Exchange | undefined
  #connected = false
  #answered = false
  #served = 0
  #closed = false
  /** When the present wait becomes too long; the pool looks at it. Infinity while nothing is awaited. */
  deadline = Infinity
  idleSince = 0

  constructor(origin: Origin, timeouts: Timeouts, events: ConnectionEvents, shared: Shared) {
    this.#events = events
    this.#outbox = shared.outbox
    this.#timeouts = timeouts
    this.#socket = open(origin, { into: shared.readInto, onData: (chunk) => this.#onData(chunk) })
    this.deadline = Date.now() + timeouts.connectMs
    this.#socket.setNoDelay(true)
    this.#socket.once(origin.tls ? 'secureConnect' : 'connect', () => this.#onConnect())
    this.#socket.on('drain', () => this.#exchange?.onDrain())
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('error', (error: Error) => this.#fail(this.#lossKind(), error.message))
    this.#socket.on('close', () => this.#onClose())
  }

  get isBusy(): boolean {
    return this.#exchange !== undefined
  }

  /** How long the server keeps it when idle, ms; 0 when it did not say. */
  get keepAliveMs(): number {
    return this.#reader.keepAliveSeconds * 1000
  }

  send(exchange: Exchange): void {
    this.#exchange = exchange
    exchange.connection = this
    this.#answered = false
    if (this.#connected) this.#begin(exchange)
  }

  /** @returns false when the peer is slow: wait for `onDrain` */
  write(data: Buffer | string): boolean {
    this.deadline = Date.now() + this.#timeouts.headersMs
    return this.#socket.write(data, 'latin1')
  }

  /** Several writes become one packet. */
  cork(): void {
    this.#outbox.hold(this.#socket)
  }

  /** Holds back what goes to the one who asked, as what comes from here is held back. */
  hold(asker: Socket): void {
    this.#outbox.hold(asker)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.deadline !== Infinity) this.deadline = Date.now() + this.#timeouts.idleMs
    this.#socket.resume()
  }

  /** A stream of events may be silent as long as it likes. */
  waitForever(): void {
    this.deadline = Infinity
  }

  /** Gives the exchange up: who asked has gone. */
  abort(): void {
    this.#exchange = undefined
    this.#forget()
  }

  timeOut(): void {
    this.#fail(
      this.#connected ? 'timeout' : 'connect',
      this.#connected ? 'no answer in time' : 'cannot connect in time',
    )
  }

  close(): void {
    this.#forget()
  }

  #onConnect(): void {
    this.#connected = true
    if (this.#exchange) this.#begin(this.#exchange)
    else this.#becomeIdle()
  }

  #begin(exchange: Exchange): void {
    this.deadline = Date.now() + this.#timeouts.headersMs
    this.#reader.expect(exchange.method, this)
    this.#outbox.hold(this.#socket)
    this.#socket.write(exchange.head, 'latin1')
    exchange.onSent()
  }

  #onData(chunk: Buffer): void {
    if (!this.#exchange) return this.close()
    this.#answered = true
    if (this.deadline !== Infinity) this.deadline = Date.now() + this.#timeouts.idleMs
    try {
      this.#reader.read(chunk)
      // Within, since a head that has come alone is passed on here, and may be one that cannot be.
      this.#exchange?.onPause()
    } catch (error) {
      this.#fail('protocol', error instanceof Error ? error.message : 'a response that cannot be passed on')
    }
  }

  #onEnd(): void {
    if (!this.#exchange) return this.#forget()
    try {
      this.#reader.end()
    } catch (error) {
      const kind = this.#answered && error instanceof ProtocolError ? 'reset' : this.#lossKind()
      this.#fail(kind, 'the connection was closed')
    }
  }

  #onClose(): void {
    this.#fail(this.#lossKind(), 'the connection was closed')
    this.#forget()
  }

  #forget(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    this.#events.onClose(this)
  }

  /** A kept connection that dies before a byte of the answer was closed by the server while idle. */
  #lossKind(): FailureKind {
    if (!this.#connected) return 'connect'
    return this.#served > 0 && !this.#answered ? 'stale' : 'reset'
  }

  #fail(kind: FailureKind, message: string): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#forget()
    exchange?.onFailure(new UpstreamFailure(kind, message))
  }

  #becomeIdle(): void {
    this.deadline = Infinity
    this.idleSince = Date.now()
    this.#events.onIdle(this)
  }

  onHead(status: number, headers: string[], bodyLength: number): void {
    this.#exchange?.onHead(status, headers, bodyLength)
  }

  onBody(chunk: Buffer): void {
    this.#exchange?.onBody(chunk)
  }

  onEnd(): void {
    const exchange = this.#exchange
    // It may throw at what cannot be passed on; then the exchange is still there to be told.
    exchange?.onEnd()
    this.#exchange = undefined
    this.#served += 1
    // An answer before the end of the request leaves a body in the middle of its way.
    const reusable = this.#reader.reusable && exchange !== undefined && exchange.isSent
    if (reusable && !this.#closed) this.#becomeIdle()
    else this.#forget()
  }
}

export interface Reading {
  /** May be shared by many sockets: it is read into and handed over in one go. */
  into: Buffer
  /** The chunk is its own only during the call. */
  onData(chunk: Buffer): void
}

/**
 * Opens a socket to the origin. A name that resolves to a forbidden address is not connected to.
 * @param reading spares each read an allocation and the machinery of a stream. Without it the socket is
 * an ordinary stream.
 */
export function open(origin: Origin, reading?: Reading): Socket {
  const { host, port } = origin
  const lookup = guardedLookup(origin)
  if (origin.tls) {
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket = connectTls({ host, port, lookup, ALPNProtocols: ['http/1.1'], ...name })
    return reading ? socket.on('data', reading.onData) : socket
  }
  if (!reading) return connectTcp({ host, port, lookup })
  const callback = (length: number, bytes: Uint8Array): boolean => {
    reading.onData((bytes as Buffer).subarray(0, length))
    return true
  }
  return connectTcp({ host, port, lookup, onread: { buffer: reading.into, callback } })
}

function guardedLookup({ allowLinkLocal }: Origin): LookupFunction {
  return (host, options, callback) =>
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const bad = allowLinkLocal ? undefined : addresses.find(({ address }) => forbiddenAddress(address))
      if (bad) return callback(new Error(`${host} is at the link-local address ${bad.address}`), '', 0)
      if (options.all) return callback(null, addresses as never)
      callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 0)
    })
}
