import type { Environment, RunningService } from '@ait/kit'
import { startTestService, until, type Answer, type Caller, type TestService } from '@ait/testing'
import manifest from '../../service.ts'

export const password = 'SecurePass123!'

export interface Person extends Caller {
  id: string
  email: string
  tokens: { access_token: string; refresh_token: string }
}

export interface AuthService extends TestService {
  /** Nobody. */
  nobody: Caller
  /** Registers somebody new and signs them in. */
  newPerson(name?: string): Promise<Person>
  /** The administrator of the test's environment, signed in. */
  admin(): Promise<Person>
  signIn(email: string, secret?: string, headers?: Record<string, string>): Promise<Person>
  /** Moves the service's clock. */
  advance(ms: number): void
}

const adminEmail = 'admin@example.com'

/** The real service trusting itself, with cheap hashes and a clock that can be moved. */
export async function startAuth(env: Environment = {}): Promise<AuthService> {
  const running = new Map<string, RunningService>()
  let offsetMs = 0
  let people = 0
  const test = await startTestService(manifest, {
    authority: 'auth',
    running,
    env: {
      AUTH_HASH_MEMORY_KIB: '64',
      AUTH_HASH_PASSES: '1',
      ADMIN_EMAIL: adminEmail,
      ADMIN_PASSWORD: password,
      ...env,
    },
    now: () => new Date(Date.now() + offsetMs),
  })
  running.set('auth', test.service)

  const signIn = async (email: string, secret = password, headers = {}): Promise<Person> => {
    const login = await test.with(null).call('login', { body: { email, password: secret }, headers }, 200)
    const caller = test.with(login.body.access_token)
    const me = await caller.call('getMe', {}, 200)
    return { ...caller, id: me.body.id, email, tokens: login.body }
  }
  return {
    ...test,
    nobody: test.with(null),
    signIn,
    admin: () => signIn(adminEmail),
    async newPerson(name = `person${++people}`) {
      const email = `${name.toLowerCase().replaceAll(/\W/g, '')}@example.com`
      await test.with(null).call('register', { body: { email, password, full_name: name } }, 201)
      return signIn(email)
    },
    advance: (ms) => void (offsetMs += ms),
  }
}

export interface Mail {
  to: string
  template: string
  locale: string
  data: Record<string, string>
}

/** The newest mail of a kind to an address, once it was asked for. */
export const mailTo = (auth: AuthService, to: string, template: string): Promise<Mail> =>
  until(`a mail ${template} to ${to}`, async () => {
    const mails: Mail[] = await auth.events('auth.mail.requested.v1')
    return mails.findLast((mail) => mail.to === to && mail.template === template)
  })

/** The token in the fragment of a mail's link. */
export const tokenIn = (mail: Mail): string => /#token=([\w-]+)$/.exec(mail.data['link'] ?? '')?.[1] ?? ''

/** The whole answer as bytes would be compared by somebody who probes, but for the request id. */
export const visible = ({ status, body }: Answer) => ({ status, body })
