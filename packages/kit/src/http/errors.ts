import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Problem, problems } from './problems.ts'
import { fieldErrors } from './schemas.ts'

/** Turns any error into a problem (RFC 9457). What went wrong inside goes to the log, never out. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Anything can be thrown, even nothing.
  const error = thrown instanceof Object ? thrown : new Error(`${String(thrown)} was thrown`)
  const problem = problemOf(error as FastifyError)
  if (problem.status >= 500) logFailure(error, problem, request)
  if (problem.headers) reply.headers(problem.headers)
  return reply
    .code(problem.status)
    .headers({ 'cache-control': 'no-store', 'x-request-id': request.id })
    .type('application/problem+json')
    .serializer(asItIs)
    .send(JSON.stringify(problem))
}

const asItIs = (text: unknown): string => text as string

/** Our own faults are errors; what a dependency could not do is a warning, with its cause. */
function logFailure(error: unknown, problem: Problem, request: FastifyRequest): void {
  const operation = request.routeOptions?.config?.operationName
  if (problem.status === 500) request.log.error({ err: error, operation }, 'request failed')
  else
    request.log.warn({ err: (error as Error).cause ?? error, operation, code: problem.code }, problem.message)
}

const fastifyProblems: Record<string, () => Problem> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Problem(413, 'too_large', 'The body is too large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => problems.unsupportedMediaType('Send application/json'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => problems.invalid(['body'], 'is empty', 'missing'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => problems.badRequest('invalid_json', 'The body is not valid JSON'),
  FST_ERR_BAD_URL: () => problems.badRequest('bad_url', 'The address is not valid'),
  FST_ERR_MAX_PARAM_LENGTH: () => problems.notFound(),
}

function problemOf(error: FastifyError): Problem {
  if (error instanceof Problem) return error
  if (error.validation) {
    const errors = fieldErrors(error.validationContext ?? 'body', error.validation)
    const first = errors[0]
    return new Problem(422, 'invalid', first ? `${first.loc.join('.')}: ${first.msg}` : 'Invalid input', {
      errors,
    })
  }
  const code = error.code ?? ''
  const known = fastifyProblems[code]
  if (known) return known()
  if (unstorable.has(code))
    return problems.badRequest(
      'invalid_value',
      'A value is out of range or has characters that cannot be stored',
    )
  if (databaseAway.test(code)) return problems.unavailable('The database cannot be reached right now')
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500)
    return new Problem(error.statusCode, 'bad_request', 'The request cannot be understood')
  return new Problem(500, 'internal', 'Something went wrong on our side; the request id helps to find it')
}

/** SQLSTATE of values that pass the schema and still fit into no column: NUL, year 0, more than 2^63. */
const unstorable = new Set(['22003', '22007', '22008', '22021', '22P02', '22P05'])

/** Of postgres.js, Node and PostgreSQL: no connection, starting, stopping, full, deadlock or conflict. */
const databaseAway =
  /^(CONNECT_TIMEOUT|CONNECTION_(CLOSED|ENDED|DESTROYED)|ECONNREFUSED|ECONNRESET|08...|57P0[123]|53300|40001|40P01)$/

const faults: Record<string, Problem> = {
  HPE_HEADER_OVERFLOW: new Problem(431, 'headers_too_large', 'The request headers are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: problems.timeout('The request did not arrive in time'),
}

/** Answers what Node's parser refuses, where there is no request object yet. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const problem =
    faults[error.code ?? ''] ?? problems.badRequest('malformed_request', 'The request is not valid HTTP')
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.toJSON().title}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
  )
}
