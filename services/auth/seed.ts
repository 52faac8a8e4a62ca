import type { KitConfig, ServiceRuntime } from '@ait/kit'
import { personaPassword, personas } from '@ait/testing/personas'
import { createAccount } from './accounts/create.ts'
import type { Config } from './config.ts'
import { insertGroup } from './db/groups.ts'
import type { Deps } from './deps.ts'

const brokers = {
  id: '01900000-0000-7000-8000-0000000a0001',
  name: 'brokers',
  title: 'Brokers',
  description: 'Who sells and looks after policies',
  permissions: [],
}

/** The people of the demo, with a password that everybody knows: never in production. Runs again without harm. */
export async function seed({ write, config }: ServiceRuntime<Config & KitConfig>, deps: Deps): Promise<void> {
  if (config.NODE_ENV === 'production') throw new Error('demo people are not for production')
  const password_hash = await deps.hasher.hash(personaPassword)
  await write(async (unit) => {
    await insertGroup(unit.sql, brokers)
    for (const { id, email, name, role, groups } of Object.values(personas)) {
      const email_verified_at = unit.now().toISOString()
      const time_zone = 'Europe/Madrid'
      const rest = { role, groups: [...groups], locale: 'es', time_zone, email_verified_at, password_hash }
      await createAccount(unit, { id, email, full_name: name, ...rest })
    }
  })
}
