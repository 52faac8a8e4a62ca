import type { PageRequest } from '@ait/kit'

import type { Kind, Listing, Sort } from '../db/queries.ts'

/** The order and filters of a list, from its query. `-name` is by name, backwards. */
export function listingOf(
  query: { kind?: Kind; content_type?: string; sort?: string },
  page: PageRequest,
): Listing {
  const sort = query.sort ?? 'name'
  return {
    kind: query.kind,
    contentType: query.content_type,
    sort: sort.replace('-', '') as Sort,
    descending: sort.startsWith('-'),
    page,
  }
}
