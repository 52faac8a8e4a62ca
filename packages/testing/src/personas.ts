import type { UserPrincipal } from '@ait/kit'

const person = (n: number, name: string, role: UserPrincipal['role'], groups: string[] = []) => ({
  id: `01900000-0000-7000-8000-00000000000${n}`,
  email: `${name.split(' ')[0]?.toLowerCase()}@example.com`,
  name,
  role,
  groups,
})

/** The people of tests, demo data and load alike. The stranger shares nothing with the others. */
export const personas = {
  admin: person(1, 'Admin Soriano', 'admin'),
  ann: person(2, 'Ann Ferrer', 'user', ['brokers']),
  bob: person(3, 'Bob Marín', 'user', ['brokers']),
  stranger: person(4, 'Stranger Vidal', 'user'),
} as const

export type Persona = keyof typeof personas

/** Password of every persona in demo and test installations; never created in production. */
export const personaPassword = 'Correct-Horse-7-Battery'
