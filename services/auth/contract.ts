import { defineContract } from '@ait/kit/contract'
import { accountOperations } from './contract/account.ts'
import { adminOperations, directoryOperations } from './contract/directory.ts'
import { events } from './contract/events.ts'
import { browserOperations, trustOperations } from './contract/internal.ts'
import { oauthOperations } from './contract/oauth.ts'
import { signInOperations } from './contract/sign-in.ts'

export const contract = defineContract('auth', {
  operations: {
    ...signInOperations,
    ...oauthOperations,
    ...accountOperations,
    ...directoryOperations,
    ...adminOperations,
    ...trustOperations,
    ...browserOperations,
  },
  events,
})
