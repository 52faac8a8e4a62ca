import { randomUUID } from 'node:crypto'
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { pathOf } from '../contract/contract.ts'
import type { Operation } from '../contract/operation.ts'
import type { Route } from '../service/define.ts'
import type { Runtime } from '../service/runtime.ts'
import { handlerOf } from './handle.ts'
import { Problem, problems } from './problems.ts'
import { fieldErrors, plain, schemaCompilers, strict } from './schemas.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation
    operationName?: string
  }
}

const requestId = /^[\w.:-]{8,128}$/

/** The HTTP face of a service: Fastify with the suite's rules for input, errors, logs and metrics. */
export function createApp(runtime: Runtime): FastifyInstance {
  const { config, log } = runtime
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.BODY_LIMIT_BYTES,
    requestTimeout: 0,
    trustProxy: 'loopback',
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && requestId.test(given) ? given : randomUUID()
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply as FastifyReply),
  })
  const { validator, serializer } = schemaCompilers()
  app.setValidatorCompiler(validator)
  app.setSerializerCompiler(serializer)
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply))
  app.setNotFoundHandler((request, reply) => sendError(problems.notFound(), request, reply))
  acceptBodies(app)
  observe(app, runtime)
  return app
}

/** Mounts every operation of the contract on its handler. Throws when one is missing or unknown. */
export function mountOperations(app: FastifyInstance, runtime: Runtime, routes: readonly Route[]): void {
  const { contract } = runtime.manifest
  const handlers = new Map(routes.map((route) => [route.operation, route.handler]))
  for (const name of handlers.keys()) {
    if (!contract.operations[name])
      throw new Error(`${contract.service}: no operation ${name} in the contract`)
  }
  for (const [name, operation] of Object.entries(contract.operations)) {
    const handler = handlers.get(name)
    if (!handler) throw new Error(`${contract.service}: operation ${name} has no route`)
    app.route({
      method: operation.method,
      url: pathOf(contract, operation),
      schema: schemaOf(operation),
      config: { operation, operationName: name },
      ...(operation.spec.bodyLimitBytes && { bodyLimit: operation.spec.bodyLimitBytes }),
      handler: handlerOf(runtime, name, operation, handler),
    })
  }
}

function schemaOf({ spec }: Operation): Record<string, unknown> {
  const response = Object.fromEntries(
    ([200, 201, 202] as const).flatMap((status) =>
      spec[status] && !spec.produces ? [[status, plain(spec[status])]] : [],
    ),
  )
  return {
    ...(spec.params && { params: strict(spec.params) }),
    ...(spec.query && { querystring: strict(spec.query) }),
    ...(spec.body && !spec.consumes && { body: strict(spec.body) }),
    response,
  }
}

/** JSON is parsed; an operation that `consumes` another type reads the raw stream itself. */
function acceptBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(
    'application/cloudevents+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  )
  app.addContentTypeParser(
    '*',
    (request: FastifyRequest, _payload: unknown, done: (error: Error | null) => void) => {
      const spec = request.routeOptions.config.operation?.spec
      const type = request.headers['content-type'] ?? ''
      if (!spec) return done(null)
      if (spec.consumes && (spec.consumes === '*/*' || type.startsWith(spec.consumes))) return done(null)
      done(problems.unsupportedMediaType(`Send ${spec.consumes ?? 'application/json'}`))
    },
  )
}

/** One log line and one observation per request. */
function observe(app: FastifyInstance, { metrics }: Runtime): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { config } = request.routeOptions
    const ms = reply.elapsedTime
    metrics.observe(config.operationName ?? 'other', request.method, reply.statusCode, ms / 1000)
    const line = {
      operation: config.operationName,
      method: request.method,
      path: config.operation ? config.operation.path : request.url.split('?', 1)[0],
      status: reply.statusCode,
      ms: Math.round(ms * 10) / 10,
      user_id: (request as { userId?: string }).userId,
    }
    if (config.operationName) request.log.info(line, 'request')
    else request.log.debug(line, 'request')
    done()
  })
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}

/** Turns any error into a problem (RFC 9457). What went wrong inside goes to the log, never out. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error as FastifyError)
  if (problem.status >= 500 && !(error instanceof Problem))
    request.log.error({ err: error }, 'request failed')
  if (problem.headers) reply.headers(problem.headers)
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .serializer((value: unknown) => value as string)
    .send(JSON.stringify(problem))
}

const fastifyProblems: Record<string, (error: FastifyError) => Problem> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Problem(413, 'too_large', 'The body is too large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => problems.unsupportedMediaType('Send application/json'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => problems.invalid(['body'], 'is empty', 'missing'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => problems.badRequest('invalid_json', 'The body is not valid JSON'),
  FST_ERR_BAD_URL: () => problems.badRequest('bad_url', 'The address is not valid'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    problems.badRequest('bad_length', 'Content-Length does not match the body'),
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
  const known = error.code ? fastifyProblems[error.code] : undefined
  if (known) return known(error)
  if (error instanceof SyntaxError && error.statusCode === 400)
    return problems.badRequest('invalid_json', 'The body is not valid JSON')
  if (isClientInput(error))
    return problems.badRequest('invalid_text', 'A value contains characters that cannot be stored')
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500)
    return new Problem(error.statusCode, 'bad_request', 'The request cannot be understood')
  return new Problem(500, 'internal', 'Something went wrong on our side; the request id helps to find it')
}

/** PostgreSQL text holds no NUL and only valid UTF-8: 22021, 22P05. */
const isClientInput = (error: { code?: string }): boolean => error.code === '22021' || error.code === '22P05'
