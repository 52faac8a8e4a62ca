import { builders } from '@ait/kit'
import { config } from './config.ts'
import { contract } from './contract.ts'
import type { Deps } from './deps.ts'
import { policy } from './policy.ts'

/** The typed builders of this service. */
export const { route } = builders<Deps>()({ contract, policy, config })
