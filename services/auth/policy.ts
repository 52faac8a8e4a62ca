import { definePolicy } from '@ait/kit'
import { findPasskey } from './db/factors.ts'
import { findOpenSession } from './db/sessions.ts'
import { findPersonalToken } from './db/api-tokens.ts'

/** What belongs to a person is theirs alone; everything else here is open to all, or to administrators. */
export const policy = definePolicy({
  session: { find: findOpenSession, owner: (session) => session.user_id, roles: { owner: ['end'] } },
  passkey: { find: findPasskey, owner: (passkey) => passkey.user_id, roles: { owner: ['edit'] } },
  token: { find: findPersonalToken, owner: (token) => token.user_id, roles: { owner: ['revoke'] } },
})
