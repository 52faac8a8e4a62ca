import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { defineContract, definePolicy, defineService, get, handedPrincipal, post, T } from '@ait/kit'
import type { Route } from '@ait/kit'

const Seen = T.Object({
  principal: T.Unknown(),
  handed: T.Boolean(),
  headers: T.Record(T.String(), T.Unknown()),
  ip: T.String(),
  body: T.Optional(T.Unknown()),
})

const contract = defineContract('things', {
  operations: {
    whoAmI: get('/who', { summary: 'Who asks', allow: 'public', 200: Seen, example: {} }),
    onlyUsers: get('/users', { summary: 'For people', allow: 'user', 200: Seen, example: {} }),
    echo: post('/echo', {
      summary: 'What was sent',
      allow: 'public',
      body: T.Object({ text: T.String() }),
      200: Seen,
      example: { body: { text: 'hello' } },
    }),
  },
})

const see = async (ctx: any) => ({
  principal: ctx.principal,
  handed: handedPrincipal(ctx.request.raw) !== undefined,
  headers: ctx.request.headers,
  ip: ctx.request.ip,
  body: ctx.body,
})
const routes: Route[] = ['whoAmI', 'onlyUsers', 'echo'].map((operation) => ({ operation, handler: see }))

/** A service of the suite that says what reached it. */
export const echoService = defineService({
  name: 'things',
  title: 'Things',
  description: 'Says what reached it.',
  version: '0.1.0',
  port: 1,
  database: null,
  folder: import.meta.dirname,
  contract,
  policy: definePolicy({}),
  config: T.Object({}),
  routes,
  mount(app) {
    app.get('/api/v1/things/file', (_request, reply) =>
      reply.header('cache-control', 'public, max-age=60').type('text/plain').send('x'.repeat(5000)),
    )
    app.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      const principal = handedPrincipal(request)
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${principal?.kind}`)
    })
  },
})
