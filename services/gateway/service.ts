import { defineService } from '@ait/kit'
import { config } from './config.ts'
import { contract } from './contract.ts'
import { createDeps, type Deps } from './deps.ts'
import { mountFront } from './mount.ts'
import { policy } from './policy.ts'
import { getHealth } from './routes/health.ts'
import { createSession, deleteSession, getSession } from './routes/session.ts'
import { createTicket } from './routes/tickets.ts'
import { drainUpstream, getStats, listRoutes, listUpstreams, undrainUpstream } from './routes/upstreams.ts'

const about = {
  title: 'Gateway',
  description: 'One address for the whole suite: routes, balances, and guards the edge.',
  version: '0.1.0',
}

export default defineService({
  name: 'gateway',
  ...about,
  port: 8001,
  database: null,
  folder: import.meta.dirname,
  contract,
  policy,
  config,
  routes: [
    getHealth,
    listRoutes,
    listUpstreams,
    drainUpstream,
    undrainUpstream,
    getStats,
    createSession,
    getSession,
    deleteSession,
    createTicket,
  ],
  setup: (service) => createDeps(service, about.version),
  mount: (app, service, deps: Deps) => mountFront(app, service, deps, about),
})
