import { addressOf } from '@ait/kit'
import type { FastifyRequest } from 'fastify'

/** Whence somebody signs in. */
export interface Device {
  userAgent: string
  address: string | null
}

export const deviceOf = (request: FastifyRequest): Device => ({
  userAgent: (request.headers['user-agent'] ?? '').slice(0, 400),
  address: addressOf(request),
})
