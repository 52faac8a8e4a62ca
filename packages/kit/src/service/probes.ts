import type { FastifyInstance } from 'fastify'
import type { Runtime } from './runtime.ts'

/** `/health` (readiness, with each dependency's state), `/health/live` and `/metrics`. */
export function serveProbes(app: FastifyInstance, runtime: Runtime): void {
  const { name } = runtime.manifest
  app.get('/health/live', () => ({ status: 'ok', service: name }))
  const ready = async (_request: unknown, reply: { code(status: number): unknown }) => {
    const state = await runtime.health.read()
    reply.code(state.status === 'ok' ? 200 : 503)
    return state
  }
  if (!app.hasRoute({ method: 'GET', url: '/health' })) app.get('/health', ready)
  app.get('/health/ready', ready)
  app.get('/metrics', async (_request, reply) => {
    reply.type(runtime.metrics.registry.contentType)
    return runtime.metrics.registry.metrics()
  })
}
