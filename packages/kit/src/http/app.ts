import { randomUUID } from 'node:crypto'
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
} from 'fastify'
import type { Principal } from '../access/principal.ts'
import { pathOf } from '../contract/contract.ts'
import type { Operation } from '../contract/operation.ts'
import type { Route } from '../service/define.ts'
import type { Runtime } from '../service/runtime.ts'
import { acceptBodies } from './bodies.ts'
import { answerClientError, sendError } from './errors.ts'
import { authenticator, handlerOf } from './handle.ts'
import { notFoundHandler } from './not-found.ts'
import { observe } from './observe.ts'
import { plain, schemaCompilers, strict } from './schemas.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation
    /** Name in logs and metrics; a mounted route gives its own. */
    operationName?: string
  }
  interface FastifyRequest {
    /** Who asks; null until an operation has identified them. */
    principal: Principal | null
    /** Whether its line is in the log. */
    observed: boolean
  }
}

const requestId = /^[\w.:-]{8,128}$/
/** A connection on which nothing moves this long is dead: a stalled upload, a client that is gone. */
const idleMs = 120_000

/** The HTTP face of a service: Fastify with the suite's rules for input, errors, logs and metrics. */
export function createApp(runtime: Runtime): FastifyInstance {
  const { config, log, manifest } = runtime
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: config.BODY_LIMIT_BYTES,
    // Uploads may take long: bodies that are read whole have a timer of their own (see bodies.ts), the
    // headers have Node's.
    requestTimeout: 0,
    connectionTimeout: idleMs,
    trustProxy: config.TRUSTED_PROXIES,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && requestId.test(given) ? given : randomUUID()
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply as FastifyReply),
    clientErrorHandler: answerClientError as never,
  })
  const { validator, serializer } = schemaCompilers()
  app.setValidatorCompiler(validator)
  app.setSerializerCompiler(serializer)
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply))
  app.setNotFoundHandler(notFoundHandler(manifest.contract))
  app.decorateRequest('principal', null)
  acceptBodies(app, { bodyLimitBytes: config.BODY_LIMIT_BYTES, timeoutMs: config.REQUEST_TIMEOUT_MS })
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
      // Before the body is read: a stranger cannot make us read a megabyte.
      onRequest: authenticator(runtime, operation),
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
