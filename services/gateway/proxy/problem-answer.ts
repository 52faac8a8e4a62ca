import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '@ait/kit'

/** Answers with a problem (RFC 9457) outside Fastify. Does nothing when an answer has begun. */
export function answerProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) return void response.destroy()
  const body = JSON.stringify(problem)
  const headers = [
    'content-type',
    'application/problem+json',
    'content-length',
    String(Buffer.byteLength(body)),
  ]
  headers.push('cache-control', 'no-store')
  for (const [name, value] of Object.entries(problem.headers ?? {})) headers.push(name, value)
  // An answer that could not be passed on may have left its own phrase here.
  response.statusMessage = ''
  response.writeHead(problem.status, headers)
  response.end(body)
}

/** The same on a bare socket, where there is no response object: bad requests and refused upgrades. */
export function refuseSocket(socket: Socket, problem: Problem): void {
  if (!socket.writable) return void socket.destroy()
  const body = JSON.stringify(problem)
  const { status, title } = problem.toJSON()
  const extra = Object.entries(problem.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ` +
      `${Buffer.byteLength(body)}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n` +
      `${extra.join('')}connection: close\r\n\r\n${body}`,
  )
}

const parseFaults: Record<string, Problem> = {
  HPE_HEADER_OVERFLOW: new Problem(431, 'headers_too_large', 'The request headers are too large'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Problem(413, 'too_large', 'Chunk extensions are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(408, 'request_timeout', 'The request did not arrive in time'),
}

/** Answers what Node's parser refuses: among it every disagreement about where a request ends. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET') return void socket.destroy()
  const known = parseFaults[error.code ?? '']
  refuseSocket(socket, known ?? new Problem(400, 'malformed_request', 'The request is not valid HTTP'))
}
