/** An OpenID Connect provider people may sign in with. */
export interface OidcProvider {
  /** Lower case; part of the path: `/api/v1/auth/oauth/<id>`. */
  id: string
  /** What a button says. */
  name: string
  issuer: string
  clientId: string
  clientSecret: string
  scopes: string
  /** Every address this issuer names belongs to the person, though it sends no `email_verified`. */
  trustEmail: boolean
}

export interface ProviderSettings {
  googleClientId: string
  googleClientSecret: string
  microsoftClientId: string
  microsoftClientSecret: string
  /** A tenant's id, or `common` for anybody with a Microsoft account. */
  microsoftTenant: string
  /** `OAUTH_PROVIDERS`: a JSON list of `{id, name, issuer, client_id, client_secret, scopes?, trust_email?}`. */
  others: string
}

const SCOPES = 'openid email profile'
const ID = /^[a-z0-9][a-z0-9-]{0,31}$/

/** Providers this product knows by name, so that asking for one that is not configured is a 503 and not a 404. */
export const KNOWN_PROVIDERS: Record<string, string> = { google: 'Google', microsoft: 'Microsoft' }

/** The configured providers by id. Throws with the setting's name when one is malformed. */
export function readProviders(settings: ProviderSettings): Map<string, OidcProvider> {
  const providers = new Map<string, OidcProvider>()
  const add = (provider: OidcProvider) => providers.set(provider.id, provider)
  if (settings.googleClientId)
    add({
      id: 'google',
      name: 'Google',
      issuer: 'https://accounts.google.com',
      clientId: settings.googleClientId,
      clientSecret: settings.googleClientSecret,
      scopes: SCOPES,
      trustEmail: false,
    })
  if (settings.microsoftClientId)
    add({
      id: 'microsoft',
      name: 'Microsoft',
      issuer: `https://login.microsoftonline.com/${settings.microsoftTenant}/v2.0`,
      clientId: settings.microsoftClientId,
      clientSecret: settings.microsoftClientSecret,
      scopes: SCOPES,
      trustEmail: false,
    })
  for (const other of parseOthers(settings.others)) add(other)
  return providers
}

function parseOthers(json: string): OidcProvider[] {
  if (!json.trim()) return []
  let list: unknown
  try {
    list = JSON.parse(json)
  } catch (cause) {
    throw new Error('OAUTH_PROVIDERS is not valid JSON', { cause })
  }
  if (!Array.isArray(list)) throw new Error('OAUTH_PROVIDERS must be a JSON list')
  return list.map((entry: Record<string, unknown>, index) => {
    const text = (key: string) => (typeof entry[key] === 'string' ? entry[key] : '')
    const [id, issuer, clientId] = [text('id'), text('issuer'), text('client_id')]
    if (!ID.test(id) || !URL.canParse(issuer) || !clientId)
      throw new Error(`OAUTH_PROVIDERS[${index}] needs id (a-z, 0-9, -), issuer (a URL) and client_id`)
    return {
      id,
      name: text('name') || id,
      issuer,
      clientId,
      clientSecret: text('client_secret'),
      scopes: text('scopes') || SCOPES,
      trustEmail: entry['trust_email'] === true,
    }
  })
}
