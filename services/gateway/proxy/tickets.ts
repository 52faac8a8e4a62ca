import { createHash, randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'

/**
 * A browser cannot send headers with a WebSocket handshake, and a token in an address ends up in
 * logs. So it asks for a ticket, which is good once and for a minute, and sends that.
 */
export interface Tickets {
  issue(token: string): Promise<string>
  /** The bearer token that the ticket was made for; a second time, nothing. */
  redeem(ticket: string): Promise<string | undefined>
}

export const ticketSeconds = 60
const maxTickets = 50_000

const nameOf = (ticket: string): string => createHash('sha256').update(ticket).digest('hex')
const keyOf = (ticket: string): string => `gateway:ticket:${nameOf(ticket)}`
const newTicket = (): string => randomBytes(32).toString('base64url')

export function createMemoryTickets(now: () => number = Date.now): Tickets {
  const tickets = new Map<string, { token: string; until: number }>()
  return {
    async issue(token) {
      // In order of age: what is over stands first.
      for (const [name, { until }] of tickets) {
        if (until > now() && tickets.size < maxTickets) break
        tickets.delete(name)
      }
      const ticket = newTicket()
      tickets.set(nameOf(ticket), { token, until: now() + ticketSeconds * 1000 })
      return ticket
    },
    async redeem(ticket) {
      const name = nameOf(ticket)
      const found = tickets.get(name)
      tickets.delete(name)
      return found && found.until > now() ? found.token : undefined
    },
  }
}

/** For several replicas: the handshake may arrive at another one than the request for the ticket. */
export function createSharedTickets(redis: Redis): Tickets {
  return {
    async issue(token) {
      const ticket = newTicket()
      await redis.set(keyOf(ticket), token, 'EX', ticketSeconds)
      return ticket
    },
    redeem: async (ticket) => (await redis.getdel(keyOf(ticket))) ?? undefined,
  }
}
