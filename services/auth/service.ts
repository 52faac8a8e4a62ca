import { defineService } from '@ait/kit'
import { ensureAdmin } from './accounts/first-admin.ts'
import { config } from './config.ts'
import { contract } from './contract.ts'
import { createDeps, type Deps } from './deps.ts'
import { policy } from './policy.ts'
import { login, logout, refresh } from './routes/login.ts'
import { getMe } from './routes/me.ts'
import { register } from './routes/registration.ts'
import { getJwks, introspectToken, listRevocations } from './routes/trust.ts'

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
  routes: [register, login, refresh, logout, getMe, getJwks, introspectToken, listRevocations],
  async setup(service) {
    const deps = await createDeps(service)
    await ensureAdmin(service, deps)
    return deps
  },
  mount(app, _service, deps: Deps) {
    // Before the port is closed: who waits for news would hold it open.
    app.addHook('preClose', () => deps.revocations.stop())
    // Answers carry tokens and personal data: nobody on the way keeps them unless a handler says so.
    app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  },
})
