import type { FastifyInstance } from 'fastify'
import { openApi, problems, serveDocs, type ServiceRuntime } from '@ait/kit'
import { contract } from './contract.ts'
import type { Deps } from './deps.ts'
import { exportTraffic } from './proxy/metrics.ts'

/** Slow senders of headers are cut off after this long; bodies have an idle limit of their own. */
const headersTimeoutMs = 15_000
/** Longer than load balancers in front keep theirs, so that they are the ones to close. */
const keepAliveTimeoutMs = 65_000

/**
 * Puts the edge before Fastify: the server's requests go to it, and only the gateway's own paths
 * reach Fastify. What passes through the gateway never does: that would cost a fifth of its speed.
 */
export function mountFront(
  app: FastifyInstance,
  service: ServiceRuntime,
  deps: Deps,
  about: { title: string; description: string; version: string },
): void {
  const { front, upgrades, own } = deps
  own.handle = (request, response) => app.routing(request, response)
  const { server } = app
  server.removeAllListeners('request')
  server.removeAllListeners('clientError')
  server.on('request', front.handle)
  server.on('checkContinue', front.handle)
  server.on('checkExpectation', front.handle)
  server.on('upgrade', upgrades.handle)
  server.on('clientError', front.onClientError as never)
  // The edge looks at it itself, and answers with a problem.
  ;(server as { requireHostHeader?: boolean }).requireHostHeader = false
  server.headersTimeout = headersTimeoutMs
  server.keepAliveTimeout = keepAliveTimeoutMs
  closeGently(app, deps)
  exportTraffic(service.metrics.registry, deps)
  serveAllDocs(app, service, about)
  app.get('/', (_request, reply) =>
    reply.send({ name: 'AIT Suite', docs: '/docs', health: '/health', api: '/api/v1' }),
  )
}

/** `/docs` with a choice of all services; their documents come through the gateway. */
function serveAllDocs(
  app: FastifyInstance,
  { platform, transport, name }: ServiceRuntime,
  about: { title: string; description: string; version: string },
): void {
  const apis = platform.services.all.map((info) => ({
    name: info.title,
    url: info.name === name ? '/openapi.json' : `/docs/apis/${info.name}.json`,
  }))
  serveDocs(app, about.title, openApi(contract, about), apis)
  app.get<{ Params: { service: string } }>('/docs/apis/:service.json', async (request, reply) => {
    const { service } = request.params
    if (!platform.services.all.some((info) => info.name === service)) throw problems.notFound()
    const answer = await transport({ service, method: 'GET', path: '/openapi.json' })
    if (answer.status !== 200) throw problems.unavailable(`The ${service} service has no documents right now`)
    return reply.type('application/json').send(JSON.stringify(answer.body))
  })
}

/** WebSockets end; connections close as they become idle, instead of waiting for their keep-alive. */
function closeGently(app: FastifyInstance, { front, upgrades }: Deps): void {
  let timer: NodeJS.Timeout | undefined
  app.addHook('preClose', () => {
    front.drain()
    upgrades.close()
    timer = setInterval(() => app.server.closeIdleConnections(), 100)
  })
  app.addHook('onClose', () => clearInterval(timer))
}
