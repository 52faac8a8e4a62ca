import { builders } from '@ait/kit'
import { config } from './config.ts'
import { contract } from './contract.ts'
import { policy } from './policy.ts'

/** The typed builders of this service. */
export const { route, on, job } = builders()({ contract, policy, config })
