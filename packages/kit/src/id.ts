import { randomUUID } from 'node:crypto'

let lastMs = 0
let sequence = 0

/**
 * A new UUIDv7 (RFC 9562). Those of one process sort in the order in which they were made, also
 * within a millisecond (§6.2, method 1: a counter in `rand_a`), so that events and lists keep their
 * order; Node's own `randomUUIDv7` does not promise that. The counter is the process's, not a service's.
 */
export function newId(): string {
  const now = Date.now()
  if (now > lastMs) {
    lastMs = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    // More than 4096 in one millisecond, or a clock that was set back: borrow from the next one.
    lastMs += 1
    sequence = 0
  }
  const time = lastMs.toString(16).padStart(12, '0')
  const counter = sequence.toString(16).padStart(3, '0')
  // A version 4 UUID already has the variant and the random bits of the second half.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${randomUUID().slice(19)}`
}
