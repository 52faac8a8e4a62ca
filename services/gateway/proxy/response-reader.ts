/** Takes a response apart as it arrives. `headers` are end-to-end ones: name, value, name, value … */
export interface ResponseSink {
  /** `bodyLength` is -1 when it is not known before the end. */
  onHead(status: number, headers: string[], bodyLength: number): void
  /** The chunk is the sink's only during the call: what is kept longer must be copied. */
  onBody(chunk: Buffer): void
  onEnd(): void
}

/** The peer sent something that is not HTTP/1.1. */
export class ProtocolError extends Error {}

const maxHeadBytes = 65_536
const crlf2 = '\r\n\r\n'

const inHead = 0
const inSizedBody = 1
const inChunkSize = 2
const inChunkData = 3
const inChunkEnd = 4
const inTrailer = 5
const untilClose = 6
const done = 7

/** Hop-by-hop (RFC 9110 §7.6.1), and what tells strangers which software answers. */
const dropped = new Set([
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'trailer',
  'upgrade',
  'te',
  'server',
  'x-powered-by',
])

/**
 * Reads one HTTP/1.1 response after the other from one connection (RFC 9112). Strict where an
 * ambiguity could make one response pass for two: anything doubtful ends the connection.
 * A class, because one is made per connection and its methods run per chunk.
 */
export class ResponseReader {
  /** Whether the connection may carry another request after this response. */
  reusable = true
  /** Seconds that the server says it keeps an idle connection; 0 when it does not say. */
  keepAliveSeconds = 0
  #state = done
  #left = 0
  #pending: Buffer | undefined
  #line = ''
  #headRequest = false
  #sink!: ResponseSink

  get finished(): boolean {
    return this.#state === done
  }

  /** Gets ready for the answer to the next request. */
  expect(method: string, sink: ResponseSink): void {
    this.#state = inHead
    this.#headRequest = method === 'HEAD'
    this.#sink = sink
    this.reusable = true
    this.#pending = undefined
  }

  /** @throws ProtocolError */
  read(given: Buffer): void {
    let chunk = given
    while (chunk.length > 0) {
      switch (this.#state) {
        case inHead:
          chunk = this.#readHead(chunk)
          break
        case inSizedBody:
        case inChunkData:
          chunk = this.#readSized(chunk)
          break
        case untilClose:
          this.#sink.onBody(chunk)
          return
        case done:
          throw new ProtocolError('bytes after the end of the response')
        default:
          chunk = this.#readChunkLine(chunk)
      }
    }
  }

  /** The peer has closed. @throws ProtocolError when that cuts the response short */
  end(): void {
    if (this.#state === untilClose) this.#finish()
    else if (this.#state !== done)
      throw new ProtocolError('the connection was closed in the middle of the response')
  }

  #finish(): void {
    this.#state = done
    this.#sink.onEnd()
  }

  #readHead(given: Buffer): Buffer {
    const chunk = this.#pending ? Buffer.concat([this.#pending, given]) : given
    const text = chunk.toString('latin1', 0, Math.min(chunk.length, maxHeadBytes))
    const end = text.indexOf(crlf2)
    if (end < 0) {
      if (chunk.length >= maxHeadBytes) throw new ProtocolError('the head of the response is too long')
      this.#pending = Buffer.from(chunk)
      return empty
    }
    this.#pending = undefined
    this.#parseHead(text, end)
    return chunk.length === end + 4 ? empty : chunk.subarray(end + 4)
  }

  #parseHead(text: string, end: number): void {
    const lineEnd = text.indexOf('\r\n')
    const status = Number(text.slice(9, 12))
    if (!text.startsWith('HTTP/1.') || !(status >= 100 && status < 600) || text.charCodeAt(8) !== 32)
      throw new ProtocolError('no HTTP/1.1 status line')
    if (status < 200) {
      if (status === 101) throw new ProtocolError('an upgrade that nobody asked for')
      return
    }
    this.reusable = text.charCodeAt(7) === 49
    const headers: string[] = []
    const framing = { length: -1, chunked: false, named: '' }
    for (let at = lineEnd + 2; at < end;) {
      let stop = text.indexOf('\r\n', at)
      if (stop < 0 || stop > end) stop = end
      this.#parseField(text, at, stop, headers, framing)
      at = stop + 2
    }
    if (framing.chunked && framing.length >= 0)
      throw new ProtocolError('both Content-Length and Transfer-Encoding')
    const kept = framing.named === '' ? headers : withoutNamed(headers, framing.named)
    this.#begin(status, kept, framing)
  }

  #parseField(
    text: string,
    at: number,
    stop: number,
    headers: string[],
    framing: { length: number; chunked: boolean; named: string },
  ): void {
    const colon = text.indexOf(':', at)
    if (colon <= at || colon >= stop) throw new ProtocolError('a header without a name')
    let from = colon + 1
    while (from < stop && isSpace(text.charCodeAt(from))) from++
    let to = stop
    while (to > from && isSpace(text.charCodeAt(to - 1))) to--
    const name = text.slice(at, colon)
    const value = text.slice(from, to)
    // Only these lengths can be of interest; comparing all names would cost more than the rest.
    switch (name.length) {
      case 2:
      case 6:
      case 7:
      case 12:
      case 16:
      case 18:
        if (dropped.has(name.toLowerCase())) return
        break
      case 10:
        if (this.#connectionField(name.toLowerCase(), value, framing)) return
        break
      case 14:
        if (name.toLowerCase() === 'content-length') {
          if (framing.length >= 0 || !/^\d{1,15}$/.test(value))
            throw new ProtocolError('a wrong Content-Length')
          framing.length = Number(value)
        }
        break
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') {
          if (framing.chunked || value.toLowerCase() !== 'chunked')
            throw new ProtocolError('an unknown Transfer-Encoding')
          framing.chunked = true
          return
        }
    }
    headers.push(name, value)
  }

  #connectionField(name: string, value: string, framing: { named: string }): boolean {
    if (name === 'keep-alive') {
      this.keepAliveSeconds = Number(/timeout=(\d+)/i.exec(value)?.[1] ?? 0)
      return true
    }
    if (name !== 'connection') return false
    const lower = value.toLowerCase()
    if (lower === 'keep-alive') this.reusable = true
    else if (lower === 'close') this.reusable = false
    else {
      if (/\bclose\b/.test(lower)) this.reusable = false
      framing.named += `${lower},`
    }
    return true
  }

  /** Length of the body by RFC 9112 §6.3. */
  #begin(status: number, headers: string[], framing: { length: number; chunked: boolean }): void {
    const bodiless = this.#headRequest || status === 204 || status === 304
    const length = bodiless ? 0 : framing.chunked ? -1 : framing.length
    if (bodiless || length === 0) this.#state = done
    else if (framing.chunked) this.#state = inChunkSize
    else if (length > 0) {
      this.#state = inSizedBody
      this.#left = length
    } else {
      this.#state = untilClose
      this.reusable = false
    }
    this.#line = ''
    this.#sink.onHead(status, headers, length)
    if (this.#state === done) this.#sink.onEnd()
  }

  #readSized(chunk: Buffer): Buffer {
    const whole = chunk.length <= this.#left
    const part = whole ? chunk : chunk.subarray(0, this.#left)
    this.#left -= part.length
    const sized = this.#state === inSizedBody
    this.#sink.onBody(part)
    if (this.#left === 0) {
      if (sized) this.#finish()
      else this.#state = inChunkEnd
    }
    return whole ? empty : chunk.subarray(part.length)
  }

  /** A line of the chunked coding: a size, the empty line after data, or a trailer, which is dropped. */
  #readChunkLine(chunk: Buffer): Buffer {
    const newline = chunk.indexOf(10)
    const part = chunk.toString('latin1', 0, newline < 0 ? chunk.length : newline)
    this.#line += part
    if (this.#line.length > 4096) throw new ProtocolError('a chunk line that is too long')
    if (newline < 0) return empty
    const line = this.#line
    this.#line = ''
    if (!line.endsWith('\r')) throw new ProtocolError('a bare line feed')
    this.#chunkLine(line.slice(0, -1))
    return chunk.subarray(newline + 1)
  }

  #chunkLine(line: string): void {
    if (this.#state === inChunkEnd) {
      if (line !== '') throw new ProtocolError('a chunk longer than its size')
      this.#state = inChunkSize
    } else if (this.#state === inTrailer) {
      if (line === '') this.#finish()
    } else {
      const size = /^([\da-f]{1,8})(?:[\t ]*;.*)?$/i.exec(line)?.[1]
      if (size === undefined) throw new ProtocolError('a chunk without a size')
      this.#left = Number.parseInt(size, 16)
      this.#state = this.#left === 0 ? inTrailer : inChunkData
    }
  }
}

const empty = Buffer.alloc(0)
const isSpace = (code: number): boolean => code === 32 || code === 9

function withoutNamed(headers: string[], named: string): string[] {
  const names = new Set(named.split(',').map((name) => name.trim()))
  return headers.filter((_, i) => !names.has((headers[i - (i % 2)] as string).toLowerCase()))
}
