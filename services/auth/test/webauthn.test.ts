import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CeremonyFailed,
  finishPasskeyLogin,
  finishPasskeyRegistration,
  startPasskeyLogin,
  startPasskeyRegistration,
} from '../webauthn/ceremonies.ts'
import { createSoftAuthenticator } from './support/authenticator.ts'

const ORIGIN = 'https://suite.example.com'
const party = { id: 'suite.example.com', name: 'AIT Suite', origins: [ORIGIN] }
const ann = { id: '01977f5c-0000-7000-8000-000000000001', email: 'ann@example.com', name: 'Ann' }

async function register() {
  const authenticator = createSoftAuthenticator()
  const options = await startPasskeyRegistration(party, ann, [])
  const passkey = await finishPasskeyRegistration(
    party,
    authenticator.create(options, ORIGIN),
    options.challenge,
  )
  return { authenticator, passkey }
}

test('a passkey is registered and signs in; its counter moves on', async () => {
  const { authenticator, passkey } = await register()
  assert.equal(passkey.credentialId, authenticator.credentialId)
  assert.deepEqual(passkey.transports, ['internal'])
  assert.equal(passkey.backedUp, false)
  const options = await startPasskeyLogin(party)
  assert.equal(options.allowCredentials, undefined, 'names no account')
  const counter = await finishPasskeyLogin(
    party,
    authenticator.get(options, ORIGIN),
    options.challenge,
    passkey,
  )
  assert.equal(counter, passkey.counter + 1)
})

test('as a second factor only the account’s own passkeys are asked for', async () => {
  const { passkey } = await register()
  const options = await startPasskeyLogin(party, [passkey])
  assert.deepEqual(
    options.allowCredentials?.map((entry) => entry.id),
    [passkey.credentialId],
  )
})

test('a device is not registered twice', async () => {
  const { passkey } = await register()
  const options = await startPasskeyRegistration(party, ann, [passkey])
  assert.deepEqual(
    options.excludeCredentials?.map((entry) => entry.id),
    [passkey.credentialId],
  )
  assert.equal(options.authenticatorSelection?.userVerification, 'required')
})

test('refused: other challenge, other site, other key, cloned counter, unverified user', async () => {
  const { authenticator, passkey } = await register()
  const options = await startPasskeyLogin(party)
  const answer = () => authenticator.get(options, ORIGIN)
  await assert.rejects(finishPasskeyLogin(party, answer(), 'b3RoZXI', passkey), CeremonyFailed)
  const phished = authenticator.get(options, 'https://suite.example.com.evil.example')
  await assert.rejects(finishPasskeyLogin(party, phished, options.challenge, passkey), CeremonyFailed)
  const other = (await register()).passkey
  const swapped = { ...passkey, publicKey: other.publicKey }
  await assert.rejects(finishPasskeyLogin(party, answer(), options.challenge, swapped), CeremonyFailed)
  const ahead = { ...passkey, counter: 1000 }
  await assert.rejects(finishPasskeyLogin(party, answer(), options.challenge, ahead), CeremonyFailed)
  authenticator.verifiesUser = false
  await assert.rejects(finishPasskeyLogin(party, answer(), options.challenge, passkey), CeremonyFailed)
})

test('a registration for another challenge or site is refused', async () => {
  const authenticator = createSoftAuthenticator()
  const options = await startPasskeyRegistration(party, ann, [])
  await assert.rejects(
    finishPasskeyRegistration(party, authenticator.create(options, ORIGIN), 'b3RoZXI'),
    CeremonyFailed,
  )
  await assert.rejects(
    finishPasskeyRegistration(
      party,
      authenticator.create(options, 'https://evil.example'),
      options.challenge,
    ),
    CeremonyFailed,
  )
})
