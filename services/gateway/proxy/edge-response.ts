import { ServerResponse, type OutgoingHttpHeaders } from 'node:http'
import { createBrotliCompress, createGzip, constants, type BrotliCompress, type Gzip } from 'node:zlib'
import { chooseEncoding, isCompressible, minCompressedBytes } from '../domain/encoding.ts'
import type { Verdict } from '../domain/window-counter.ts'
import { maxAnswerBytes, valueOf, type AnswerCache } from './answer-cache.ts'
import { countAnswer, type Traffic } from './traffic.ts'

/**
 * What the edge adds to one answer, whoever writes it: Fastify, the proxy, or the edge itself.
 * It hangs on the response, whose `writeHead` is replaced: one pass over the headers, and neither
 * events nor wrappers for answers that are only handed through.
 */
export interface Edge {
  traffic: Traffic | null
  startedAt: number
  isHttps: boolean
  isHead: boolean
  requestId: string | null
  acceptEncoding: string | undefined
  /** CORS headers of this answer, flat. */
  cors: readonly string[]
  verdict: Verdict | undefined
  /** Where the answer may be stored; null when it may not. */
  storeIn: { cache: AnswerCache; url: string; header(name: string): string | undefined } | null
}

type Write = ServerResponse['write']
type EdgeResponse = ServerResponse & { edge: Edge }

/** Puts the edge on a response. */
export function attachEdge(response: ServerResponse, edge: Edge): void {
  ;(response as EdgeResponse).edge = edge
  response.writeHead = writeHead as ServerResponse['writeHead']
  response.write = headFirst.write as Write
  response.end = headFirst.end as ServerResponse['end']
}

/**
 * Until the head is written. Node writes a head that nobody wrote from within the first `write`: an
 * encoder that the head puts in between would then miss that very chunk.
 */
const headFirst = {
  write(this: ServerResponse, ...parameters: unknown[]): boolean {
    this.writeHead(this.statusCode)
    return (this.write as (...parameters: unknown[]) => boolean)(...parameters)
  },
  end(this: ServerResponse, ...parameters: unknown[]): ServerResponse {
    this.writeHead(this.statusCode)
    return (this.end as (...parameters: unknown[]) => ServerResponse)(...parameters)
  },
}

export const edgeOf = (response: ServerResponse): Edge | undefined => (response as EdgeResponse).edge

const plain = ServerResponse.prototype
const plainWriteHead = plain.writeHead as unknown as (
  this: ServerResponse,
  status: number,
  headers: readonly string[],
) => ServerResponse

function writeHead(
  this: EdgeResponse,
  status: number,
  reason?: string | OutgoingHttpHeaders | string[],
  given?: OutgoingHttpHeaders | string[],
): ServerResponse {
  const { edge } = this
  this.write = plain.write
  this.end = plain.end as EdgeResponse['end']
  const headers = flatten(this, typeof reason === 'string' ? given : reason)
  const stored =
    edge.storeIn && !edge.isHead && edge.storeIn.cache.worthStoring(status, headers) > 0 ? [...headers] : null
  if (edge.acceptEncoding !== undefined && !edge.isHead) compress(this, edge.acceptEncoding, status, headers)
  // After the encoder, so that it stands before it: what is stored is not compressed.
  if (stored && edge.storeIn) collect(this, edge.storeIn, stored)
  addEdgeHeaders(edge, headers)
  if (edge.traffic) countAnswer(edge.traffic, status, performance.now() - edge.startedAt)
  return plainWriteHead.call(this, status, headers)
}

/** One list of what was set before and what is given now. */
function flatten(response: ServerResponse, given: OutgoingHttpHeaders | string[] | undefined): string[] {
  if (Array.isArray(given) && response.getHeaderNames().length === 0) return given
  const list: string[] = []
  const add = (name: string, value: OutgoingHttpHeaders[string]): void => {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) list.push(name, String(one))
  }
  for (const name of response.getHeaderNames()) {
    if (!hasName(given, name)) add(name, response.getHeader(name))
    response.removeHeader(name)
  }
  if (Array.isArray(given)) list.push(...given)
  else if (given) for (const name in given) add(name, given[name])
  return list
}

const hasName = (given: OutgoingHttpHeaders | string[] | undefined, name: string): boolean =>
  Array.isArray(given) ? valueOf(given, name) !== undefined : given !== undefined && given[name] !== undefined

/** Nothing that a browser would show as a page: framing and referrers do not arise. */
const json = 16
const jsonType = /^application\/(problem\+)?json/i

/** Adds what is missing; the answer's own word goes first. */
function addEdgeHeaders(edge: Edge, headers: string[]): void {
  let present = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    // The lengths tell these apart from all that services send; comparing would cost more.
    if (name.length === 22 && name.toLowerCase() === 'x-content-type-options') present |= 1
    else if (name.length === 23 && name.toLowerCase() === 'content-security-policy') present |= 2
    else if (name.length === 15 && name.toLowerCase() === 'referrer-policy') present |= 4
    else if (name.length === 12) {
      const lower = name.toLowerCase()
      if (lower === 'x-request-id') present |= 8
      else if (lower === 'content-type' && jsonType.test(headers[i + 1] as string)) present |= json
    }
  }
  if (!(present & 1)) headers.push('x-content-type-options', 'nosniff')
  if (!(present & json)) {
    if (!(present & 2)) headers.push('content-security-policy', "frame-ancestors 'none'")
    if (!(present & 4)) headers.push('referrer-policy', 'strict-origin-when-cross-origin')
  }
  if (!(present & 8) && edge.requestId !== null) headers.push('x-request-id', edge.requestId)
  if (edge.isHttps) headers.push('strict-transport-security', 'max-age=31536000; includeSubDomains')
  if (edge.cors.length > 0) {
    headers.push(...edge.cors)
    addVary(headers, 'origin')
  }
  const { verdict } = edge
  if (!verdict) return
  headers.push(
    'ratelimit-limit',
    String(verdict.limit),
    'ratelimit-remaining',
    String(verdict.remaining),
    'ratelimit-reset',
    String(verdict.resetSeconds),
    'ratelimit-policy',
    verdict.policy,
  )
}

function addVary(headers: string[], name: string): void {
  const at = indexOf(headers, 'vary')
  if (at < 0) headers.push('vary', name)
  else if (!(headers[at + 1] as string).toLowerCase().includes(name)) headers[at + 1] += `, ${name}`
}

function indexOf(headers: readonly string[], name: string): number {
  for (let i = 0; i < headers.length; i += 2) {
    const key = headers[i] as string
    if (key.length === name.length && key.toLowerCase() === name) return i
  }
  return -1
}

/** Compresses the body on its way when the client takes it and it is worth it. */
function compress(response: EdgeResponse, accept: string, status: number, headers: string[]): void {
  const type = valueOf(headers, 'content-type')
  if (type === undefined || status < 200 || status === 204 || status === 206 || status === 304) return
  if (!isCompressible(type) || indexOf(headers, 'content-encoding') >= 0) return
  if (valueOf(headers, 'cache-control')?.includes('no-transform')) return
  addVary(headers, 'accept-encoding')
  const lengthAt = indexOf(headers, 'content-length')
  if (lengthAt >= 0 && Number(headers[lengthAt + 1]) < minCompressedBytes) return
  const encoding = chooseEncoding(accept)
  if (!encoding) return
  if (lengthAt >= 0) headers.splice(lengthAt, 2)
  // The bytes are others than those that the strong tag stands for.
  const etagAt = indexOf(headers, 'etag')
  if (etagAt >= 0 && !(headers[etagAt + 1] as string).startsWith('W/'))
    headers[etagAt + 1] = `W/${headers[etagAt + 1]}`
  headers.push('content-encoding', encoding)
  sendThrough(response, encoder(encoding))
}

const encoder = (encoding: 'br' | 'gzip'): BrotliCompress | Gzip =>
  encoding === 'br'
    ? createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
    : createGzip({ level: 5 })

/** From here on `write` and `end` of the response feed the encoder, and the encoder feeds the socket. */
function sendThrough(response: ServerResponse, stream: BrotliCompress | Gzip): void {
  const write = response.write.bind(response) as (chunk: Buffer) => boolean
  const end = response.end.bind(response)
  stream.on('data', (chunk: Buffer) => {
    if (!write(chunk)) stream.pause()
  })
  stream.on('end', () => end())
  // `drain` means both to whoever writes: the socket takes more, and so does the encoder.
  response.on('drain', () => stream.resume())
  stream.on('drain', () => response.emit('drain'))
  stream.on('error', () => response.destroy())
  response.on('close', () => stream.destroy())
  response.write = ((chunk: Buffer | string, encoding?: BufferEncoding) =>
    stream.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)) as Write
  response.end = ((chunk?: Buffer | string, encoding?: BufferEncoding) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array)
      response.write(chunk, encoding as BufferEncoding)
    stream.end()
    return response
  }) as ServerResponse['end']
}

/** Keeps a copy of the body, and stores it when it has come to its end. */
function collect(
  response: ServerResponse,
  storeIn: NonNullable<Edge['storeIn']>,
  kept: readonly string[],
): void {
  const parts: Buffer[] = []
  let bytes = 0
  const keep = (chunk: unknown, encoding: unknown): void => {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return
    const part =
      typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : Buffer.from(chunk)
    bytes += part.length
    if (bytes <= maxAnswerBytes) parts.push(part)
  }
  const write = response.write.bind(response) as (...parameters: unknown[]) => boolean
  const end = response.end.bind(response) as (...parameters: unknown[]) => ServerResponse
  response.write = ((chunk: unknown, ...rest: unknown[]) => {
    keep(chunk, rest[0])
    return write(chunk, ...rest)
  }) as Write
  response.end = ((chunk: unknown, ...rest: unknown[]) => {
    keep(chunk, rest[0])
    const length = valueOf(kept, 'content-length')
    if (bytes <= maxAnswerBytes && (length === undefined || Number(length) === bytes))
      storeIn.cache.store(storeIn.url, kept, Buffer.concat(parts), storeIn.header, Date.now())
    return end(chunk, ...rest)
  }) as ServerResponse['end']
}
