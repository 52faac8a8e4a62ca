import { defineService, type Route } from '@ait/kit'
import { ensureAdmin } from './accounts/first-admin.ts'
import { config } from './config.ts'
import { contract } from './contract.ts'
import { createDeps, type Deps } from './deps.ts'
import * as jobs from './jobs.ts'
import { policy } from './policy.ts'
import * as adminUsers from './routes/admin-users.ts'
import * as browserSessions from './routes/browser-sessions.ts'
import * as directory from './routes/directory.ts'
import * as email from './routes/email.ts'
import * as groups from './routes/groups.ts'
import * as invitations from './routes/invitations.ts'
import * as login from './routes/login.ts'
import * as me from './routes/me.ts'
import * as mfa from './routes/mfa.ts'
import * as oauth from './routes/oauth.ts'
import * as password from './routes/password.ts'
import * as registration from './routes/registration.ts'
import * as sessions from './routes/sessions.ts'
import * as tokens from './routes/tokens.ts'
import * as trust from './routes/trust.ts'
import { seed } from './seed.ts'

/** A routes file exports one route per operation, and what others of them need. */
const routesOf = (file: object): Route[] => Object.values(file).filter((value) => isRoute(value))
const isRoute = (value: unknown): value is Route =>
  typeof value === 'object' && value !== null && 'operation' in value

export default defineService({
  name: 'auth',
  title: 'Auth',
  description: 'Accounts, sign-in, sessions and tokens, groups and permissions.',
  version: '0.1.0',
  port: 8000,
  database: 'auth_db',
  folder: import.meta.dirname,
  contract,
  policy,
  config,
  routes: [
    ...routesOf(registration),
    ...routesOf(login),
    ...routesOf(oauth),
    ...routesOf(password),
    ...routesOf(email),
    ...routesOf(me),
    ...routesOf(mfa),
    ...routesOf(sessions),
    ...routesOf(tokens),
    ...routesOf(directory),
    ...routesOf(groups),
    ...routesOf(adminUsers),
    ...routesOf(invitations),
    ...routesOf(trust),
    ...routesOf(browserSessions),
  ],
  jobs: Object.values(jobs),
  seed,
  async setup(service) {
    const deps = await createDeps(service)
    await ensureAdmin(service, deps)
    service.check('signing_key', async () => void (await deps.keys.current()))
    return deps
  },
  mount(app, _service, deps: Deps) {
    // Before the port is closed: who waits for news would hold it open.
    app.addHook('preClose', () => deps.revocations.stop())
    // Answers carry tokens and personal data: nobody on the way keeps them unless a handler says so.
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  },
})
