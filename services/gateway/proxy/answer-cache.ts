import { matchesTag, sharedFreshness } from '../domain/freshness.ts'

/** An answer as it was stored. `headers` are flat: name, value, name, value … */
export interface StoredAnswer {
  headers: readonly string[]
  etag: string | undefined
  body: Buffer
  storedAt: number
  freshUntil: number
  vary: readonly { name: string; value: string | undefined }[]
}

export interface AnswerCache {
  find(url: string, header: (name: string) => string | undefined, now: number): StoredAnswer | undefined
  /** The freshness in seconds that makes an answer worth collecting; 0 when it is not to be stored. */
  worthStoring(status: number, headers: readonly string[]): number
  store(
    url: string,
    headers: readonly string[],
    body: Buffer,
    header: (name: string) => string | undefined,
    now: number,
  ): void
  readonly bytes: number
}

export const maxAnswerBytes = 262_144
const overheadBytes = 512
const notStored = new Set([
  'connection',
  'date',
  'x-request-id',
  'transfer-encoding',
  'content-length',
  'age',
])
/** Varied by at the edge itself, on what is stored before that happens. */
const variedAtEdge = new Set(['accept-encoding', 'origin'])

/**
 * Keeps public answers of GET for as long as their `Cache-Control` says, within a bound of bytes;
 * what was not asked for longest goes first. Only requests without credentials are stored or served.
 */
export function createAnswerCache(maxBytes: number): AnswerCache {
  const entries = new Map<string, StoredAnswer>()
  let bytes = 0
  const sizeOf = (url: string, answer: StoredAnswer): number =>
    answer.body.length + url.length + overheadBytes
  const drop = (url: string, answer: StoredAnswer): void => {
    entries.delete(url)
    bytes -= sizeOf(url, answer)
  }
  return {
    worthStoring,
    find(url, header, now) {
      const answer = entries.get(url)
      if (!answer) return undefined
      if (answer.freshUntil <= now) {
        drop(url, answer)
        return undefined
      }
      if (answer.vary.some(({ name, value }) => header(name) !== value)) return undefined
      // Last in the order of insertion: the most recently used.
      entries.delete(url)
      entries.set(url, answer)
      return answer
    },
    store(url, headers, body, header, now) {
      const answer = storedAnswer(headers, body, header, now)
      if (body.length > Math.min(maxAnswerBytes, maxBytes) || answer.freshUntil <= now) return
      const before = entries.get(url)
      if (before) drop(url, before)
      entries.set(url, answer)
      bytes += sizeOf(url, answer)
      for (const [oldest, stored] of entries) {
        if (bytes <= maxBytes) break
        drop(oldest, stored)
      }
    },
    get bytes() {
      return bytes
    },
  }
}

function worthStoring(status: number, headers: readonly string[]): number {
  if (status !== 200) return 0
  const length = Number(valueOf(headers, 'content-length') ?? 0)
  if (length > maxAnswerBytes || valueOf(headers, 'set-cookie') !== undefined) return 0
  if (valueOf(headers, 'content-encoding') !== undefined) return 0
  if (valueOf(headers, 'vary')?.includes('*')) return 0
  return sharedFreshness(valueOf(headers, 'cache-control'))
}

function storedAnswer(
  headers: readonly string[],
  body: Buffer,
  header: (name: string) => string | undefined,
  now: number,
): StoredAnswer {
  const age = Number(valueOf(headers, 'age') ?? 0)
  const seconds = sharedFreshness(valueOf(headers, 'cache-control')) - age
  const names = (valueOf(headers, 'vary') ?? '').toLowerCase().split(',')
  return {
    headers: headers.filter((_, i) => !notStored.has((headers[i - (i % 2)] as string).toLowerCase())),
    etag: valueOf(headers, 'etag'),
    body,
    storedAt: now - age * 1000,
    freshUntil: now + seconds * 1000,
    vary: names
      .map((name) => name.trim())
      .filter((name) => name !== '' && !variedAtEdge.has(name))
      .map((name) => ({ name, value: header(name) })),
  }
}

/** How a stored answer is given out: whole, or 304 when the client has it. */
export function serveStored(answer: StoredAnswer, ifNoneMatch: string | undefined, now: number) {
  const age = String(Math.max(0, Math.floor((now - answer.storedAt) / 1000)))
  const headers = [...answer.headers, 'age', age]
  if (ifNoneMatch !== undefined && matchesTag(ifNoneMatch, answer.etag))
    return {
      status: 304,
      headers: headers.filter((_, i) => !/^content-/i.test(headers[i - (i % 2)] as string)),
      body: null,
    }
  return {
    status: 200,
    headers: [...headers, 'content-length', String(answer.body.length)],
    body: answer.body,
  }
}

/** The value of a header in a flat list. */
export function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const key = headers[i] as string
    if (key.length === name.length && key.toLowerCase() === name) return headers[i + 1]
  }
  return undefined
}
