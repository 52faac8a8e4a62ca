import { definePolicy } from '@ait/kit'

/** The gateway keeps no resources: its operations say by `allow` who may call them. */
export const policy = definePolicy({})
