import type { ServiceRuntime } from '@ait/kit'
import { personas } from '@ait/testing/personas'

const items = [
  { id: '01900000-0000-7000-8000-0000000e0001', title: 'Call the client', owner: personas.ann.id },
  { id: '01900000-0000-7000-8000-0000000e0002', title: 'Prepare the renewal', owner: personas.bob.id },
]

/** Demo data: the same ids each time, so that running it again changes nothing. */
export async function seed({ sql }: ServiceRuntime): Promise<void> {
  for (const { id, title, owner } of items)
    await sql`insert into items (id, title, owner_id) values (${id}, ${title}, ${owner}) on conflict do nothing`
}
