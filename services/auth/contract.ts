import { defineContract } from '@ait/kit/contract'
import { accountOperations } from './contract/account.ts'
import { events } from './contract/events.ts'
import { trustOperations } from './contract/internal.ts'
import { signInOperations } from './contract/sign-in.ts'

const { register, login, refresh, logout } = signInOperations
const { getMe } = accountOperations
const { getJwks, introspectToken, listRevocations } = trustOperations

export const contract = defineContract('auth', {
  operations: { register, login, refresh, logout, getMe, getJwks, introspectToken, listRevocations },
  events,
})
