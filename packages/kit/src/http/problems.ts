/** A field at fault, in the shape that FastAPI clients know. */
export interface FieldError {
  loc: (string | number)[]
  msg: string
  type: string
}

/** An answer that is an error (RFC 9457). Throw it anywhere below a handler. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly errors: FieldError[] | undefined
  readonly headers: Record<string, string> | undefined

  constructor(
    status: number,
    code: string,
    detail: string,
    extra: { errors?: FieldError[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.status = status
    this.code = code
    this.errors = extra.errors
    this.headers = extra.headers
  }

  toJSON() {
    return {
      type: `urn:ait:problem:${this.code}`,
      title: titles[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.errors && { errors: this.errors }),
    }
  }
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

const challenge = { 'www-authenticate': 'Bearer' }

/** The problems that services have in common. */
export const problems = {
  badRequest: (code: string, detail: string) => new Problem(400, code, detail),
  unauthorized: (detail = 'Sign in first', code = 'unauthorized') =>
    new Problem(401, code, detail, { headers: challenge }),
  invalidToken: (detail = 'The access token is not valid') =>
    new Problem(401, 'invalid_token', detail, {
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    }),
  forbidden: (detail = 'You may not do this', code = 'forbidden') => new Problem(403, code, detail),
  /** The same for what is missing and for what the caller may not know of. */
  notFound: () => new Problem(404, 'not_found', 'Not found'),
  methodNotAllowed: (allowed: readonly string[]) =>
    new Problem(405, 'method_not_allowed', `Use ${allowed.join(', ')}`, {
      headers: { allow: allowed.join(', ') },
    }),
  timeout: (detail: string) => new Problem(408, 'request_timeout', detail),
  conflict: (code: string, detail: string) => new Problem(409, code, detail),
  gone: (detail: string) => new Problem(410, 'gone', detail),
  stale: () => new Problem(412, 'stale', 'It was changed meanwhile: read it again'),
  tooLarge: (limitBytes: number, what = 'The body') =>
    new Problem(413, 'too_large', `${what} may have at most ${limitBytes} bytes`),
  unsupportedMediaType: (detail: string) => new Problem(415, 'unsupported_media_type', detail),
  invalid: (loc: (string | number)[], msg: string, type = 'value_error') =>
    new Problem(422, 'invalid', `${loc.join('.')}: ${msg}`, { errors: [{ loc, msg, type }] }),
  tooMany: (retryAfterSeconds: number, detail = 'Too many requests: try again later') =>
    new Problem(429, 'too_many_requests', detail, {
      headers: { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) },
    }),
  /** `cause` goes to the log only. */
  unavailable: (detail: string, code = 'unavailable', cause?: unknown) =>
    new Problem(503, code, detail, { headers: { 'retry-after': '5' }, cause }),
}
