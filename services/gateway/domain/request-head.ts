/** What the edge needs to know of a request's headers, read in one pass over the raw list. */
export interface RequestHead {
  host: string | undefined
  authorization: string | undefined
  cookie: string | undefined
  origin: string | undefined
  requestId: string | undefined
  traceparent: string | undefined
  contentLength: number
  chunked: boolean
  expectsContinue: boolean
  acceptEncoding: string | undefined
  /** Names that `Connection` gives, lower case: hop-by-hop for this request only (RFC 9110 §7.6.1). */
  connectionNames: readonly string[]
  /** A header is present by which a proxy in front would tell who or where the client is. */
  hasForwarded: boolean
  /** A header is present that must not come from outside. */
  hasIdentity: boolean
  /** Why the request must be refused; undefined when it is sound. */
  fault: string | undefined
}

/** What happens to a request header on its way through. */
export const pass = 0
export const dropHop = 1
export const dropIdentity = 2
export const dropForwarded = 3
/** Set anew by the gateway. */
export const replace = 4

type Fate = typeof pass | typeof dropHop | typeof dropIdentity | typeof dropForwarded | typeof replace

const fates: Record<string, Fate> = {
  connection: dropHop,
  'keep-alive': dropHop,
  'proxy-connection': dropHop,
  'proxy-authorization': dropHop,
  te: dropHop,
  trailer: dropHop,
  'transfer-encoding': dropHop,
  upgrade: dropHop,
  'http2-settings': dropHop,
  expect: dropHop,
  forwarded: dropForwarded,
  via: pass,
  'x-real-ip': dropForwarded,
  'x-client-ip': dropForwarded,
  'true-client-ip': dropForwarded,
  'cf-connecting-ip': dropForwarded,
  'x-forwarded-for': dropForwarded,
  'x-forwarded-proto': dropForwarded,
  'x-forwarded-host': dropForwarded,
  'x-forwarded-port': dropForwarded,
  'x-forwarded-prefix': dropForwarded,
  'x-forwarded-server': dropForwarded,
  'x-forwarded-ssl': dropForwarded,
  'x-forwarded-scheme': dropForwarded,
  'x-request-id': replace,
  traceparent: replace,
  authorization: replace,
  cookie: replace,
  'content-length': replace,
  host: replace,
}

const identityName =
  /^(x-user|x-ait-|x-auth-|x-authenticated-|x-forwarded-(user|email|groups|preferred-username|access-token)|x-remote-|remote-user|x-webauth-|x-consumer-|x-principal|x-original-(url|host)|x-rewrite-url|x-http-method|x-method-override|x-envoy-|x-internal-|x-amzn-oidc-|x-goog-authenticated-|x-ms-client-principal)/

const memory = 2000

/** Tells a header's fate by its name in any case. Names are remembered, so that it costs one lookup. */
export function createFates(): (name: string) => Fate {
  const known = new Map<string, Fate>(Object.entries(fates))
  return (name) => {
    const fate = known.get(name)
    if (fate !== undefined) return fate
    const lower = name.toLowerCase()
    const found = fates[lower] ?? (identityName.test(lower) || lower.includes('_') ? dropIdentity : pass)
    // `X_User_Id` reads as `X-User-Id` to some servers, hence the underscore above.
    if (known.size < memory) known.set(name, found)
    return found
  }
}

/** @param raw name, value, name, value … as they came in */
export function readHead(raw: readonly string[], fateOf: (name: string) => Fate): RequestHead {
  const head: RequestHead = {
    host: undefined,
    authorization: undefined,
    cookie: undefined,
    origin: undefined,
    requestId: undefined,
    traceparent: undefined,
    contentLength: -1,
    chunked: false,
    expectsContinue: false,
    acceptEncoding: undefined,
    connectionNames: none,
    hasForwarded: false,
    hasIdentity: false,
    fault: undefined,
  }
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const fate = fateOf(name)
    if (fate === pass) {
      if (name.length === 15 || name.length === 6) readPassed(head, name, raw[i + 1] as string)
    } else if (fate === replace) readReplaced(head, name.toLowerCase(), raw[i + 1] as string)
    else if (fate === dropHop) readHop(head, name.toLowerCase(), raw[i + 1] as string)
    else if (fate === dropForwarded) head.hasForwarded = true
    else head.hasIdentity = true
  }
  if (head.chunked && head.contentLength >= 0) head.fault = 'both Content-Length and Transfer-Encoding'
  return head
}

const none: readonly string[] = []

function readPassed(head: RequestHead, name: string, value: string): void {
  if (name.length === 15) {
    if (name.toLowerCase() === 'accept-encoding') head.acceptEncoding = value
  } else if (name.toLowerCase() === 'origin') head.origin = value
}

function readReplaced(head: RequestHead, name: string, value: string): void {
  switch (name) {
    case 'host':
      head.fault ??= head.host === undefined ? undefined : 'two Host headers'
      head.host = value
      break
    case 'authorization':
      head.fault ??= head.authorization === undefined ? undefined : 'two Authorization headers'
      head.authorization = value
      break
    case 'cookie':
      head.cookie = head.cookie === undefined ? value : `${head.cookie}; ${value}`
      break
    case 'content-length':
      if (head.contentLength >= 0 || !/^\d{1,15}$/.test(value)) head.fault ??= 'a wrong Content-Length'
      head.contentLength = Number(value)
      break
    case 'x-request-id':
      head.requestId = value
      break
    default:
      head.traceparent = value
  }
}

function readHop(head: RequestHead, name: string, value: string): void {
  if (name === 'transfer-encoding') {
    if (head.chunked || value.toLowerCase() !== 'chunked') head.fault ??= 'an unknown Transfer-Encoding'
    head.chunked = true
  } else if (name === 'expect') {
    head.expectsContinue = value.toLowerCase() === '100-continue'
  } else if (name === 'connection') {
    const lower = value.toLowerCase()
    if (lower === 'keep-alive' || lower === 'close') return
    const names = lower.split(',').map((part) => part.trim())
    head.connectionNames = [...head.connectionNames, ...names.filter((part) => !keepAnyway.has(part))]
  }
}

/** Headers that a client cannot have removed by naming them in `Connection`. */
const keepAnyway = new Set([
  '',
  'keep-alive',
  'close',
  'upgrade',
  'authorization',
  'host',
  'cookie',
  'content-length',
])
