import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { problems } from './problems.ts'

interface Limits {
  bodyLimitBytes: number
  timeoutMs: number
}

type Done = (error: Error | null, body?: unknown) => void

/** Of somebody who has shown no token: checking a megabyte takes long enough to keep others waiting. */
const strangerLimitBytes = 65_536

/**
 * JSON bodies are read whole, within a size and a time. An operation that `consumes` another type reads
 * the raw stream itself, for as long as it flows; so do mounted routes with what is not JSON.
 */
export function acceptBodies(app: FastifyInstance, defaults: Limits): void {
  const fromJson = app.getDefaultJsonParser('error', 'error')
  const accept = (request: FastifyRequest, payload: Readable, done: Done): void => {
    const spec = request.routeOptions.config.operation?.spec
    const type = (request.headers['content-type'] ?? '').toLowerCase()
    if (spec?.consumes) {
      if (spec.consumes === '*/*' || type.startsWith(spec.consumes)) return done(null)
      return done(problems.unsupportedMediaType(`Send ${spec.consumes}`))
    }
    if (!isJson(type)) return done(spec ? problems.unsupportedMediaType('Send application/json') : null)
    const general =
      request.principal?.kind === 'nobody'
        ? Math.min(strangerLimitBytes, defaults.bodyLimitBytes)
        : defaults.bodyLimitBytes
    const limits = { ...defaults, bodyLimitBytes: spec?.bodyLimitBytes ?? general }
    readWhole(payload, Number(request.headers['content-length'] ?? 0), limits, (error, body) => {
      if (error) return done(error)
      if (body.length === 0)
        return done(spec?.body ? problems.invalid(['body'], 'is empty', 'missing') : null)
      if (!isUtf8(body)) return done(problems.badRequest('invalid_text', 'The body is not valid UTF-8'))
      void fromJson(request, body.toString('utf8'), (failure, value) => done(failure ?? unfit(value), value))
    })
  }
  app.removeAllContentTypeParsers()
  for (const type of ['application/json', 'application/cloudevents+json', '*'])
    app.addContentTypeParser(type, accept as never)
}

const isJson = (type: string): boolean => /^application\/(cloudevents\+)?json\b/.test(type)

function readWhole(
  payload: Readable,
  announcedBytes: number,
  { bodyLimitBytes, timeoutMs }: Limits,
  done: (error: Error | null, body: Buffer) => void,
): void {
  const none = Buffer.alloc(0)
  if (announcedBytes > bodyLimitBytes) return done(problems.tooLarge(bodyLimitBytes), none)
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const finish = (error: Error | null): void => {
    clearTimeout(timer)
    payload.off('data', onData).off('end', onEnd).off('error', onError)
    done(error, error ? none : Buffer.concat(chunks, sizeBytes))
  }
  const onEnd = (): void => finish(null)
  const onError = (): void => finish(problems.badRequest('bad_body', 'The body broke off'))
  const onData = (chunk: Buffer): void => {
    sizeBytes += chunk.length
    if (sizeBytes > bodyLimitBytes) return finish(problems.tooLarge(bodyLimitBytes))
    chunks.push(chunk)
  }
  const timer = setTimeout(
    () => finish(problems.timeout(`The body did not arrive within ${timeoutMs} ms`)),
    timeoutMs,
  )
  payload.on('data', onData).on('end', onEnd).on('error', onError)
}

const maxDepth = 64

/** What PostgreSQL cannot keep (NUL, half a surrogate pair), or what no honest client nests so deeply. */
function unfit(value: unknown, depth = 0): Error | null {
  if (typeof value === 'string') return isText(value) ? null : unfitText
  if (typeof value !== 'object' || value === null) return null
  if (depth === maxDepth)
    return problems.badRequest('too_deep', `The body is nested more than ${maxDepth} levels deep`)
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (typeof key === 'string' && !isText(key)) return unfitText
    const found = unfit(inner, depth + 1)
    if (found) return found
  }
  return null
}

const isText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
const unfitText = problems.badRequest('invalid_text', 'A text contains characters that cannot be stored')
