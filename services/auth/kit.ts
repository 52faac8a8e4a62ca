import { builders, type KitConfig, type Principal, type Unit } from '@ait/kit'
import type { FastifyRequest } from 'fastify'
import { config, type Config } from './config.ts'
import { contract } from './contract.ts'
import type { Deps } from './deps.ts'
import { policy } from './policy.ts'

/** The typed builders of this service. */
export const { route, on, job } = builders<Deps>()({ contract, policy, config })

/** One transaction of this service, and what commits with it. */
export type AuthUnit = Unit<Config & KitConfig, Deps>

/** Runs work in a transaction of its own. */
export type Write = <T>(work: (unit: AuthUnit) => Promise<T>) => Promise<T>

/** What a handler's `ctx` has in any operation that opens its own transactions. */
export interface AuthContext extends AuthUnit {
  write: Write
  principal: Principal
  request: FastifyRequest
}
