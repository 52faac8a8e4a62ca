import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash } from 'node:crypto'
import { SignJWT, exportJWK, generateKeyPair, type JWTPayload } from 'jose'

export interface FakeProvider {
  issuer: string
  /** What the provider says about whoever signs in next. */
  claims: JWTPayload
  /** The provider's side of the login: where it sends the browser back to, having "signed in" the person. */
  authorize(authorizationUrl: string): URL
  close(): Promise<void>
}

/**
 * An OpenID Connect provider at the wire: discovery, keys, and a token endpoint that checks the client's
 * secret, the code and its PKCE verifier as RFC 6749 and RFC 7636 demand.
 */
export async function startFakeProvider(credentials: {
  clientId: string
  clientSecret: string
}): Promise<FakeProvider> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'fake', alg: 'ES256', use: 'sig' }
  const codes = new Map<string, { challenge: string; nonce: string; redirectUri: string }>()

  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url === '/.well-known/openid-configuration') return answer(200, metadata(provider.issuer))
    if (request.url === '/jwks') return answer(200, { keys: [jwk] })
    const form = new URLSearchParams(await readBody(request))
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const known =
      form.get('client_id') === credentials.clientId && form.get('client_secret') === credentials.clientSecret
    if (!known) return answer(401, { error: 'invalid_client' })
    if (!code || code.challenge !== challenge || code.redirectUri !== form.get('redirect_uri'))
      return answer(400, { error: 'invalid_grant' })
    const idToken = await new SignJWT({ nonce: code.nonce, ...provider.claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'fake' })
      .setIssuer(provider.issuer)
      .setAudience(credentials.clientId)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
    return answer(200, { access_token: 'a', token_type: 'Bearer', expires_in: 300, id_token: idToken })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const provider: FakeProvider = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    claims: {},
    authorize(authorizationUrl) {
      const asked = new URL(authorizationUrl).searchParams
      const code = crypto.randomUUID()
      codes.set(code, {
        challenge: asked.get('code_challenge') ?? '',
        nonce: asked.get('nonce') ?? '',
        redirectUri: asked.get('redirect_uri') ?? '',
      })
      const back = new URL(asked.get('redirect_uri') ?? '')
      back.searchParams.set('code', code)
      back.searchParams.set('state', asked.get('state') ?? '')
      return back
    },
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  }
  return provider
}

function metadata(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString()
}
