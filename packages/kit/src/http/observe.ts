import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { principalId } from '../access/principal.ts'
import type { Runtime } from '../service/runtime.ts'

/** Of a client that hung up before its answer (nginx's own status for it). */
const hungUp = 499

/**
 * One log line and one observation per request. Mounted routes take part when they set
 * `config: { operationName }`; probes and docs are logged only while debugging.
 */
export function observe(app: FastifyInstance, { metrics, health }: Runtime): void {
  const note = (request: FastifyRequest, reply: FastifyReply, status: number): void => {
    const { operation, operationName } = request.routeOptions.config
    const ms = reply.elapsedTime
    metrics.observe(operationName ?? 'other', request.method, status, ms / 1000)
    const line = {
      operation: operationName,
      method: request.method,
      // The pattern: a real path may hold a secret.
      path: operation ? operation.path : request.url.split('?', 1)[0],
      status,
      ms: Math.round(ms * 10) / 10,
      user_id: (request.principal && principalId(request.principal)) ?? undefined,
    }
    if (operationName) request.log.info(line, 'request')
    else request.log.debug(line, 'request')
  }
  app.decorateRequest('observed', false)
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => {
      if (!request.observed) note(request, reply, hungUp)
    })
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    request.observed = true
    note(request, reply, reply.statusCode)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.header('x-request-id', request.id)
    // A connection that is kept open would hold up the stop.
    if (health.draining()) reply.header('connection', 'close')
    done()
  })
}
