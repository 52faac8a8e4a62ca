import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server'

/** This installation as a WebAuthn relying party. */
export interface RelyingParty {
  /** The domain passkeys are bound to, without scheme and port. */
  id: string
  name: string
  /** Origins of the pages that may use them, such as `https://suite.example.com`. */
  origins: string[]
}

export interface Passkey {
  /** Base64url, given by the authenticator. */
  credentialId: string
  /** COSE key. */
  publicKey: Uint8Array
  /** Signature counter; 0 for ever with authenticators that do not count. */
  counter: number
  transports: string[]
}

export interface NewPasskey extends Passkey {
  /** Synchronised between devices, as opposed to living in one. */
  backedUp: boolean
}

/** The authenticator's answer is not valid; the message says why, for the log and not for people. */
export class CeremonyFailed extends Error {
  override name = 'CeremonyFailed'
}

/** COSE algorithms: EdDSA, ES256, RS256, which between them every authenticator has. */
const ALGORITHMS = [-8, -7, -257]

/** Options for `navigator.credentials.create()`. The caller keeps `challenge` until the answer comes. */
export function startPasskeyRegistration(
  party: RelyingParty,
  user: { id: string; email: string; name: string },
  existing: Pick<Passkey, 'credentialId' | 'transports'>[],
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  return generateRegistrationOptions({
    rpID: party.id,
    rpName: party.name,
    userID: new TextEncoder().encode(user.id),
    userName: user.email,
    userDisplayName: user.name,
    attestationType: 'none',
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: descriptors(existing),
    // Discoverable and verified by PIN or finger, so that it can also replace the password.
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  })
}

/** Throws {@link CeremonyFailed}. */
export async function finishPasskeyRegistration(
  party: RelyingParty,
  response: RegistrationResponseJSON,
  challenge: string,
): Promise<NewPasskey> {
  const result = await verifyRegistrationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: party.origins,
    expectedRPID: party.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(fail)
  if (!result.verified) throw new CeremonyFailed('the registration could not be verified')
  const { credential, credentialBackedUp } = result.registrationInfo
  return {
    credentialId: credential.id,
    publicKey: credential.publicKey,
    counter: credential.counter,
    transports: credential.transports ?? [],
    backedUp: credentialBackedUp,
  }
}

/**
 * Options for `navigator.credentials.get()`. Without `passkeys` the browser offers whatever it has for
 * this site: a login that begins without a name and so tells nobody which accounts exist.
 */
export function startPasskeyLogin(
  party: RelyingParty,
  passkeys?: Pick<Passkey, 'credentialId' | 'transports'>[],
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return generateAuthenticationOptions({
    rpID: party.id,
    userVerification: 'required',
    ...(passkeys ? { allowCredentials: descriptors(passkeys) } : {}),
  })
}

/** The authenticator's new signature counter, to be stored. Throws {@link CeremonyFailed}. */
export async function finishPasskeyLogin(
  party: RelyingParty,
  response: AuthenticationResponseJSON,
  challenge: string,
  passkey: Passkey,
): Promise<number> {
  const result = await verifyAuthenticationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: party.origins,
    expectedRPID: party.id,
    requireUserVerification: true,
    credential: {
      id: passkey.credentialId,
      publicKey: new Uint8Array(passkey.publicKey),
      counter: passkey.counter,
      transports: passkey.transports,
    },
  }).catch(fail)
  if (!result.verified) throw new CeremonyFailed('the signature does not match')
  return result.authenticationInfo.newCounter
}

function descriptors(passkeys: Pick<Passkey, 'credentialId' | 'transports'>[]) {
  return passkeys.map(({ credentialId, transports }) => ({ id: credentialId, transports }))
}

function fail(cause: unknown): never {
  throw new CeremonyFailed(cause instanceof Error ? cause.message : 'invalid response', { cause })
}
