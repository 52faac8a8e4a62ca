import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { isoCBOR } from '@simplewebauthn/server/helpers'

/** Flags of authenticator data, WebAuthn §6.1. */
const USER_PRESENT = 0x01
const USER_VERIFIED = 0x04
const HAS_CREDENTIAL = 0x40

export interface SoftAuthenticator {
  credentialId: string
  /** Set to false to play a key that was touched, but by whom it does not know. */
  verifiesUser: boolean
  create(options: PublicKeyCredentialCreationOptionsJSON, origin: string): RegistrationResponseJSON
  get(options: PublicKeyCredentialRequestOptionsJSON, origin: string): AuthenticationResponseJSON
}

/** An authenticator in software, as WebAuthn Level 3 §6 describes one: one ES256 key, attestation "none". */
export function createSoftAuthenticator(): SoftAuthenticator {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(16)
  let counter = 0

  const authenticatorData = (rpId: string, flags: number, rest: Buffer[] = []) => {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(++counter)
    const verified = self.verifiesUser ? USER_VERIFIED : 0
    return Buffer.concat([sha256(rpId), Buffer.of(flags | USER_PRESENT | verified), count, ...rest])
  }

  const self: SoftAuthenticator = {
    credentialId: id.toString('base64url'),
    verifiesUser: true,
    create(options, origin) {
      // COSE_Key (RFC 9053 §7.1.1): kty EC2, alg ES256, crv P-256, x, y
      const cose = new Map<number, number | Uint8Array>([
        ...([
          [1, 2],
          [3, -7],
          [-1, 1],
        ] as const),
        ...([
          [-2, decode(x)],
          [-3, decode(y)],
        ] as const),
      ])
      const idLength = Buffer.of(0, id.length)
      const attested = [Buffer.alloc(16), idLength, id, Buffer.from(isoCBOR.encode(cose))]
      const authData = new Uint8Array(authenticatorData(options.rp.id ?? '', HAS_CREDENTIAL, attested))
      const attestation = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authData],
      ])
      return {
        id: self.credentialId,
        rawId: self.credentialId,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData('webauthn.create', options.challenge, origin).toString('base64url'),
          attestationObject: Buffer.from(isoCBOR.encode(attestation as never)).toString('base64url'),
          transports: ['internal'],
        },
      }
    },
    get(options, origin) {
      const client = clientData('webauthn.get', options.challenge, origin)
      const data = authenticatorData(options.rpId ?? '', 0)
      const signature = createSign('sha256')
        .update(Buffer.concat([data, sha256(client)]))
        .sign(privateKey)
      return {
        id: self.credentialId,
        rawId: self.credentialId,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
        },
      }
    },
  }
  return self
}

function clientData(type: string, challenge: string, origin: string): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

function decode(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'))
}
