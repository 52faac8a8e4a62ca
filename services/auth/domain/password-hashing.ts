import { hash, parseOptions, verify, type Options } from '@node-rs/argon2'

/** argon2id (RFC 9106). The defaults are OWASP's minimum: 19 MiB, two passes, one lane: about 50 ms. */
export interface HashCost {
  memoryKib: number
  passes: number
}

export interface HasherOptions extends HashCost {
  /** Hashes computed at once. Each takes `memoryKib` and one libuv thread. */
  concurrency: number
  /** Hashes that may wait for their turn. One more is refused: see {@link HashQueueFull}. */
  queueLimit: number
}

/** The queue of waiting hashes is full: the caller answers 503 with `Retry-After`. */
export class HashQueueFull extends Error {
  override name = 'HashQueueFull'
  constructor() {
    super('Too many password checks are waiting')
  }
}

export interface PasswordHasher {
  /** A PHC string, `$argon2id$v=19$m=…`. */
  hash(password: string): Promise<string>
  /**
   * Does the password match? For an unknown account or one without a password pass `undefined`: the
   * same work is then done on a hash that nothing matches, so the answer takes as long.
   */
  verify(phc: string | undefined, password: string): Promise<boolean>
  /** True when the hash was made at another cost, or cannot be read, and ought to be made anew. */
  needsRehash(phc: string): boolean
}

/**
 * Hashes passwords without letting a storm of logins exhaust memory: a bounded number run at once, a
 * bounded number wait. argon2's own promises already run on libuv's threads, off the event loop.
 */
export function createPasswordHasher(options: HasherOptions): PasswordHasher {
  const { memoryKib, passes } = options
  const cost: Options = { memoryCost: memoryKib, timeCost: passes, parallelism: 1 }
  const run = boundedQueue(options.concurrency, options.queueLimit)
  // Made now, so that the first unknown account takes no longer than the second.
  const decoy = hash(crypto.randomUUID(), cost)

  return {
    hash: (password) => run(() => hash(password.normalize('NFKC'), cost)),
    async verify(phc, password) {
      const matches = await run(async () => verify(phc ?? (await decoy), password.normalize('NFKC')))
      return matches && phc !== undefined
    },
    needsRehash(phc) {
      try {
        const used = parseOptions(phc)
        return used.memoryCost !== memoryKib || used.timeCost !== passes || !phc.startsWith('$argon2id$')
      } catch {
        return true
      }
    },
  }
}

type Run = <T>(task: () => Promise<T>) => Promise<T>

function boundedQueue(concurrency: number, queueLimit: number): Run {
  const waiting: (() => void)[] = []
  let running = 0

  return async (task) => {
    if (running < concurrency) running++
    else {
      if (waiting.length >= queueLimit) throw new HashQueueFull()
      // Whoever finishes hands its place over, so `running` does not change here.
      await new Promise<void>((resume) => waiting.push(resume))
    }
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
