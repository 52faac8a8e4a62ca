import { pass, type RequestHead } from './request-head.ts'

export interface ForwardHead {
  method: string
  /** Path and query, as the target is to see it. */
  path: string
  raw: readonly string[]
  head: RequestHead
  fateOf(name: string): number
  authorization: string | undefined
  cookie: string | undefined
  host: string
  forwardedFor: string
  forwardedProto: string
  forwardedHost: string
  requestId: string
  traceparent: string
  /** Value of `Upgrade`, when that is what the request asks for. */
  upgrade?: string
}

/**
 * Request line and headers for the target: what is end-to-end and not about identity goes through as
 * it came, the rest is set by the gateway (RFC 9110 §7.6).
 */
export function forwardHead(given: ForwardHead): string {
  const { raw, head, fateOf } = given
  let text = `${given.method} ${given.path} HTTP/1.1\r\nhost: ${given.host}\r\n`
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (fateOf(name) !== pass) continue
    if (head.connectionNames.length > 0 && head.connectionNames.includes(name.toLowerCase())) continue
    text += `${name}: ${raw[i + 1]}\r\n`
  }
  if (given.authorization !== undefined) text += `authorization: ${given.authorization}\r\n`
  if (given.cookie !== undefined) text += `cookie: ${given.cookie}\r\n`
  if (head.chunked) text += 'transfer-encoding: chunked\r\n'
  else if (head.contentLength >= 0) text += `content-length: ${head.contentLength}\r\n`
  if (given.upgrade !== undefined) text += `connection: upgrade\r\nupgrade: ${given.upgrade}\r\n`
  return (
    text +
    `x-forwarded-for: ${given.forwardedFor}\r\nx-forwarded-proto: ${given.forwardedProto}\r\n` +
    `x-forwarded-host: ${given.forwardedHost}\r\nx-request-id: ${given.requestId}\r\n` +
    `traceparent: ${given.traceparent}\r\n\r\n`
  )
}
