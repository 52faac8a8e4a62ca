import { builders, type Context, type Unit } from '@ait/kit'

import { config } from './config.ts'
import { contract } from './contract.ts'
import type { Config, Deps } from './deps.ts'
import { policy } from './policy.ts'

/** The typed builders of this service. */
export const { route, on, job } = builders<Deps>()({ contract, policy, config })

/** What helpers of several handlers get. */
type AnyInput = { params: any; query: any; body: any }
export type StorageContext = Omit<Context<any, typeof policy, Config, Deps>, keyof AnyInput> & AnyInput
export type StorageUnit = Unit<Config, Deps>
