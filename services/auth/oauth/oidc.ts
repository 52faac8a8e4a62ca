import * as client from 'openid-client'
import type { ProviderIdentity } from '../domain/account-linking.ts'
import type { OidcProvider } from './providers.ts'

/** A login that was sent to the provider; kept until the person comes back. */
export interface StartedLogin {
  /** Where to send the browser. */
  url: string
  state: string
  nonce: string
  codeVerifier: string
}

export interface FinishedLogin extends ProviderIdentity {
  name: string | undefined
  picture: string | undefined
  locale: string | undefined
}

/** The provider is down or answers nonsense: not the person's fault. */
export class ProviderUnavailable extends Error {
  override name = 'ProviderUnavailable'
}

/** The person said no, or the answer does not belong to the login that was started. */
export class LoginRejected extends Error {
  override name = 'LoginRejected'
}

export interface OidcClient {
  /** Throws {@link ProviderUnavailable}. */
  start(redirectUri: string): Promise<StartedLogin>
  /**
   * @param callbackUrl the whole URL the browser came back to
   * Throws {@link LoginRejected} or {@link ProviderUnavailable}.
   */
  finish(callbackUrl: URL, started: Omit<StartedLogin, 'url'>): Promise<FinishedLogin>
}

const TIMEOUT_SECONDS = 10

/**
 * Authorization code flow with PKCE, state and nonce (OpenID Connect Core §3.1; RFC 9700 §2.1). The
 * provider's metadata is fetched when first needed; a failed fetch is tried again at the next login.
 */
export function createOidcClient(provider: OidcProvider): OidcClient {
  let discovered: Promise<client.Configuration> | undefined
  const configuration = () =>
    (discovered ??= discover(provider).catch((cause: unknown) => {
      discovered = undefined
      throw new ProviderUnavailable(`${provider.name} cannot be reached`, { cause })
    }))

  return {
    async start(redirectUri) {
      const codeVerifier = client.randomPKCECodeVerifier()
      const state = client.randomState()
      const nonce = client.randomNonce()
      const url = client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: provider.scopes,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      })
      return { url: url.href, state, nonce, codeVerifier }
    },

    async finish(callbackUrl, started) {
      const config = await configuration()
      const tokens = await client
        .authorizationCodeGrant(config, callbackUrl, {
          pkceCodeVerifier: started.codeVerifier,
          expectedState: started.state,
          expectedNonce: started.nonce,
          idTokenExpected: true,
        })
        .catch(translateError)
      const claims = tokens.claims()
      if (!claims) throw new LoginRejected('the provider sent no identity')
      return readClaims(provider, claims)
    },
  }
}

async function discover(provider: OidcProvider): Promise<client.Configuration> {
  const issuer = new URL(provider.issuer)
  // Plain http only to this very machine: a provider under development.
  const local = issuer.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname)
  return client.discovery(issuer, provider.clientId, provider.clientSecret, undefined, {
    timeout: TIMEOUT_SECONDS,
    // The id token's signature is checked as well, though it comes straight from the provider over TLS.
    execute: [client.enableNonRepudiationChecks, ...(local ? [client.allowInsecureRequests] : [])],
  })
}

function readClaims(provider: OidcProvider, claims: client.IDToken): FinishedLogin {
  const text = (key: string) => (typeof claims[key] === 'string' ? claims[key] : undefined)
  // Microsoft says "xms_edov" (e-mail domain owner verified) where others say "email_verified".
  const vouched = claims['email_verified'] === true || [true, 1, '1'].includes(claims['xms_edov'] as string)
  return {
    provider: provider.id,
    subject: claims.sub,
    email: text('email'),
    emailVerified: text('email') !== undefined && (vouched || provider.trustEmail),
    name: text('name'),
    picture: text('picture'),
    locale: text('locale'),
  }
}

function translateError(cause: unknown): never {
  if (cause instanceof client.AuthorizationResponseError)
    throw new LoginRejected(cause.error_description ?? cause.error, { cause })
  if (cause instanceof client.ResponseBodyError)
    throw new LoginRejected(cause.error_description ?? cause.error, { cause })
  const code = cause instanceof client.ClientError ? cause.code : undefined
  if (code === 'OAUTH_TIMEOUT' || (cause instanceof TypeError && cause.message === 'fetch failed'))
    throw new ProviderUnavailable('the provider did not answer', { cause })
  throw new LoginRejected('the answer does not belong to this login', { cause })
}
