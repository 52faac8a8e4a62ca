import { problems } from './http/problems.ts'
import type { Directory } from './platform.ts'

export interface CallRequest {
  service: string
  method: string
  path: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** The person on whose behalf we call; without it the service's own token is sent. */
  token?: string
  signal?: AbortSignal
  timeoutMs?: number
}

export interface CallAnswer {
  status: number
  headers: Record<string, string>
  body: any
}

/** Calls another service: over HTTP when it is elsewhere, without a socket when it is in this process. */
export type Transport = (request: CallRequest) => Promise<CallAnswer>

const defaultTimeoutMs = 5000

/** @throws Problem 503 when the other service does not answer in time, in both shapes alike. */
export function createTransport(services: Directory, serviceToken: string): Transport {
  return async (request) => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${request.token ?? serviceToken}`,
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
      ...request.headers,
    }
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body)
    const deadline = AbortSignal.timeout(request.timeoutMs ?? defaultTimeoutMs)
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
    const local = services.local(request.service)
    try {
      return await (local
        ? inject(local.app, request, { headers, payload, signal })
        : fetchJson(services, request, { headers, payload, signal }))
    } catch (cause) {
      const detail = `The ${request.service} service does not answer`
      throw problems.unavailable(detail, 'service_unavailable', cause)
    }
  }
}

/** Adds the id of the request in hand to its calls, so that the logs of several services can be joined. */
export const withRequestId = (transport: Transport, id: string): Transport => {
  return (request) => transport({ ...request, headers: { 'x-request-id': id, ...request.headers } })
}

interface Sending {
  headers: Record<string, string>
  payload: string | undefined
  signal: AbortSignal
}

async function inject(app: any, request: CallRequest, sending: Sending): Promise<CallAnswer> {
  const { method, path: url } = request
  const { headers, payload, signal } = sending
  const late = Promise.withResolvers<never>()
  const onAbort = (): void => late.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    // Without a socket nobody hangs up: the other side finishes, but nobody waits for it.
    const answer: any = await Promise.race([app.inject({ method, url, headers, payload }), late.promise])
    return { status: answer.statusCode, headers: answer.headers, body: parse(answer.payload) }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function fetchJson(services: Directory, request: CallRequest, sending: Sending): Promise<CallAnswer> {
  const { headers, payload, signal } = sending
  const answer = await fetch(services.url(request.service) + request.path, {
    method: request.method,
    headers,
    signal,
    redirect: 'manual',
    ...(payload !== undefined && { body: payload }),
  })
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: parse(await answer.text()),
  }
}

function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
