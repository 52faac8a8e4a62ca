import { problems } from '@ait/kit'
import { route } from '../kit.ts'
import { bearerOf } from '../proxy/passage.ts'
import { ticketSeconds } from '../proxy/tickets.ts'

export const createTicket = route('createTicket', async ({ deps, request }) => {
  const token = bearerOf(request.headers.authorization)
  if (token === undefined) throw problems.unauthorized()
  const ticket = await deps.tickets.issue(token).catch(() => {
    throw problems.unavailable('Tickets cannot be made right now')
  })
  return { ticket, expires_in: ticketSeconds }
})
