import { randomUUIDv7 } from 'node:crypto'

/** A new UUIDv7 (RFC 9562). */
export const newId = (): string => randomUUIDv7()
