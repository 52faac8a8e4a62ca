import { ownAccount } from '../accounts/person.ts'
import { toUser } from '../accounts/present.ts'
import { route } from '../kit.ts'

export const getMe = route('getMe', async (ctx) => {
  const account = await ownAccount(ctx)
  ctx.etag(account.version)
  return toUser(account)
})
