import { Readable } from 'node:stream'

import { Problem, type Context, type Operation, type Policy } from '@ait/kit'

import { wholeOf, type BlobStore } from '../blobs/store.ts'
import { evaluateConditions, rangeApplies } from '../domain/conditions.ts'
import { deliveryHeaders } from '../domain/delivery.ts'
import { readRange } from '../domain/ranges.ts'
import { mayLeave, type ScanState } from '../domain/scan.ts'

export type Content = {
  name: string
  sha256: string
  size: number
  content_type: string
  scan: ScanState | null
  /** When this content came. */
  created_at: string
}

type Exchange = Pick<Context<Operation, Policy, unknown, { store: BlobStore }>, 'request' | 'reply' | 'deps'>

/**
 * Sends a content: whole, one part (206), or only the news that nothing changed (304), as RFC 9110 says. The stream is
 * opened before the first header goes, so that what is missing is an error and not a broken download.
 * @throws Problem 403 infected, 409 not scanned yet, 412, 416
 */
export async function sendContent(
  { request, reply, deps }: Exchange,
  content: Content,
  wanted: 'inline' | 'attachment',
): Promise<Exchange['reply']> {
  requireClean(content.scan)
  const { size, sha256 } = content
  const validators = { etag: `"${sha256}"`, lastModified: new Date(content.created_at) }
  const cacheHeaders = {
    etag: validators.etag,
    'last-modified': validators.lastModified.toUTCString(),
    'cache-control': 'private, no-cache',
  }
  const verdict = evaluateConditions(request.headers, validators)
  if (verdict === 'failed')
    throw new Problem(412, 'precondition_failed', 'It is not the content that you asked for')
  if (verdict === 'not_modified') return reply.headers(cacheHeaders).code(304).send()
  const applies =
    request.method === 'GET' && rangeApplies(request.headers['if-range'] as string | undefined, validators)
  const range = applies ? readRange(request.headers.range, size) : 'all'
  if (range === 'unsatisfiable') throw notSatisfiable(size)

  // A HEAD answer has the length in its headers and no body, not even one that is read and thrown away.
  const part = range === 'all' ? undefined : range
  const body =
    request.method === 'HEAD' ? Readable.from([]) : await deps.store.get(sha256, part ?? wholeOf(size))
  reply.headers({
    ...deliveryHeaders({ name: content.name, contentType: content.content_type }, wanted),
    ...cacheHeaders,
    'accept-ranges': 'bytes',
    'content-length': part ? part.end - part.start + 1 : size,
    // RFC 9530: of the whole content, also when a part of it is sent.
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
  })
  if (part) reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${size}`)
  return reply.send(body)
}

/** @throws Problem when a scanner has found something, or has not looked yet. */
export function requireClean(scan: ScanState | null): void {
  if (scan === null || mayLeave(scan)) return
  if (scan === 'infected')
    throw new Problem(403, 'infected', 'This file contains a virus and cannot be downloaded')
  throw new Problem(409, 'scan_pending', 'This file is still being checked for viruses', {
    headers: { 'retry-after': '5' },
  })
}

const notSatisfiable = (size: number): Problem =>
  new Problem(416, 'range_not_satisfiable', `The file has ${size} bytes`, {
    headers: { 'content-range': `bytes */${size}` },
  })
