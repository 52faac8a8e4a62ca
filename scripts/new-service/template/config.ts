import { T } from '@ait/kit'

/** Variables of this service; the names begin with its own. */
export const config = T.Object({
  EXAMPLE_KEEP_DONE_DAYS: T.Integer({
    default: 365,
    minimum: 1,
    description: 'Days until a done item is deleted',
  }),
})
