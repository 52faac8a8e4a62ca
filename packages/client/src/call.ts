/** A request to one service of the suite. */
export interface CallRequest {
  service: string
  method: string
  path: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  token?: string
  signal?: AbortSignal
}

export interface CallAnswer {
  status: number
  headers: Record<string, string>
  body: any
}

/** A body that streams: a Blob, a FormData, a ReadableStream, … */
export type StreamBody = NonNullable<RequestInit['body']>

export interface StreamRequest extends Omit<CallRequest, 'body'> {
  body?: StreamBody
}

/** How requests travel. In services `fromTransport(ctx.transport)`, elsewhere `overHttp(...)`. */
export interface Caller {
  call(request: CallRequest): Promise<CallAnswer>
  /** For operations whose body or answer is a stream. */
  stream(request: StreamRequest): Promise<Response>
}

/** What a call may add to its input. */
export interface CallOptions {
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Whose behalf it is on. */
  token?: string
}

/** A service's refusal: its problem (RFC 9457). */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly problem: Record<string, any>

  constructor(status: number, problem: unknown) {
    const known = typeof problem === 'object' && problem !== null ? (problem as Record<string, any>) : {}
    super(known['detail'] ?? `the service answered ${status}`)
    this.status = status
    this.code = known['code'] ?? 'unknown'
    this.problem = known
  }
}

/** Calls through the kit's transport: without a socket in one process, over HTTP apart. */
export function fromTransport(transport: (request: CallRequest) => Promise<CallAnswer>): Caller {
  return {
    call: transport,
    stream: () => Promise.reject(new Error('streams need overHttp')),
  }
}

/** Calls over HTTP. `baseUrl` is the gateway's address, or a function that knows each service's. */
export function overHttp(baseUrl: string | ((service: string) => string), token?: string): Caller {
  const send = (
    request: CallRequest | StreamRequest,
    body: StreamBody | undefined,
    headers: Record<string, string>,
  ) => {
    const base = typeof baseUrl === 'string' ? baseUrl : baseUrl(request.service)
    const bearer = request.token ?? token
    return fetch(base + request.path, {
      method: request.method,
      headers: { ...(bearer && { authorization: `Bearer ${bearer}` }), ...headers, ...request.headers },
      ...(body !== undefined && { body, duplex: 'half' }),
      ...(request.signal && { signal: request.signal }),
    } as RequestInit)
  }
  return {
    async call(request) {
      const body = request.body === undefined ? undefined : JSON.stringify(request.body)
      const answer = await send(
        request,
        body,
        body === undefined ? {} : { 'content-type': 'application/json' },
      )
      const text = await answer.text()
      const isJson = answer.headers.get('content-type')?.includes('json') && text !== ''
      return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: isJson ? JSON.parse(text) : text,
      }
    },
    stream: (request) => send(request, request.body, {}),
  }
}

export interface Input {
  params?: object
  query?: object
  body?: unknown
}

const fill = (path: string, input: Input): string => {
  const filled = path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(String((input.params as any)?.[name])),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(input.query ?? {})) {
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined) query.append(name, String(item))
  }
  const text = query.toString()
  return text ? `${filled}?${text}` : filled
}

/** Runs one operation. @throws ApiError for any answer that is not a success. */
export async function run(
  caller: Caller,
  service: string,
  method: string,
  path: string,
  input: Input,
  options: CallOptions,
): Promise<any> {
  const answer = await caller.call({
    service,
    method,
    path: fill(path, input),
    ...options,
    ...(input.body !== undefined && { body: input.body }),
  })
  if (answer.status >= 400) throw new ApiError(answer.status, answer.body)
  return answer.body
}

/** Runs an operation that streams. The answer may be an error: look at its status. */
export const runStream = (
  caller: Caller,
  service: string,
  method: string,
  path: string,
  input: Input,
  options: CallOptions,
): Promise<Response> =>
  caller.stream({
    service,
    method,
    path: fill(path, input),
    ...options,
    ...(input.body !== undefined && { body: input.body as StreamBody }),
  })
