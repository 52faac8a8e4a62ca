import { Problem } from './http/problems.ts'
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

export function createTransport(services: Directory, serviceToken: string): Transport {
  return async (request) => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${request.token ?? serviceToken}`,
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
      ...request.headers,
    }
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body)
    const local = services.local(request.service)
    return local
      ? inject(local.app, request, headers, payload)
      : fetchJson(services, request, headers, payload)
  }
}

async function inject(
  app: any,
  request: CallRequest,
  headers: Record<string, string>,
  payload?: string,
): Promise<CallAnswer> {
  const answer = await app.inject({ method: request.method, url: request.path, headers, payload })
  return { status: answer.statusCode, headers: answer.headers, body: parse(answer.payload) }
}

async function fetchJson(
  services: Directory,
  request: CallRequest,
  headers: Record<string, string>,
  payload?: string,
): Promise<CallAnswer> {
  const deadline = AbortSignal.timeout(request.timeoutMs ?? defaultTimeoutMs)
  const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
  try {
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
  } catch (error) {
    throw new Problem(503, 'service_unavailable', `The ${request.service} service does not answer`, {
      cause: error,
    } as never)
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
