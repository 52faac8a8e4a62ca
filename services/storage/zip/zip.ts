import type { Readable } from 'node:stream'

import ZipStream from 'zip-stream'

import { freeName } from '../domain/names.ts'

/** One file or, without `open`, one empty folder of an archive. */
export type ZipItem = {
  /** The names from the archive's top down to the item's own. */
  names: readonly string[]
  modified: Date
  contentType?: string
  open?: () => Promise<Readable>
}

/**
 * A zip archive as a stream: each item is opened when its turn comes, so memory stays constant. An item that cannot
 * be read ends the stream with an error: better a broken download than an archive that silently lacks a file.
 */
export function zipOf(items: AsyncIterable<ZipItem>): Readable {
  const zip = new ZipStream({ level: 1 })
  fill(zip, items).then(
    () => zip.finalize(),
    (error: Error) => zip.destroy(error),
  )
  return zip
}

async function fill(zip: ZipStream, items: AsyncIterable<ZipItem>): Promise<void> {
  const gone = Promise.withResolvers<never>()
  // Nobody may be waiting for it when the reader goes away.
  gone.promise.catch(() => {})
  zip.once('close', () => gone.reject(new Error('the reader has gone')))
  const nameOf = entryNames()
  for await (const item of items) {
    const source = item.open ? await item.open() : null
    try {
      await Promise.race([gone.promise, append(zip, item, source, nameOf(item))])
    } finally {
      source?.destroy()
    }
  }
}

function append(zip: ZipStream, item: ZipItem, source: Readable | null, name: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  source?.once('error', reject)
  const store = isCompressed(item.contentType ?? '')
  const data = { name, date: item.modified, store, type: source ? ('file' as const) : ('directory' as const) }
  zip.entry(source ?? Buffer.alloc(0), data, (error) => (error ? reject(error) : resolve()))
  return promise
}

/** Deflating these again costs time and gains nothing. */
const isCompressed = (contentType: string): boolean =>
  /^(?:image\/(?!bmp|svg)|video\/|audio\/(?!wav)|application\/(?:zip|gzip|x-7z|pdf|vnd\.openxml))/.test(
    contentType,
  )

/**
 * Names that unpack safely everywhere: relative, without `..`, without what Windows cannot write, and none twice, not
 * even by letter case. Stored names hold no path characters; that is made sure of here once more.
 */
function entryNames(): (item: ZipItem) => string {
  const taken = new Set<string>()
  return ({ names, open }) => {
    const safe = names.map(portableName)
    const folder = safe
      .slice(0, -1)
      .map((name) => `${name}/`)
      .join('')
    const isTaken = (name: string): boolean => taken.has((folder + name).toLowerCase())
    const name = folder + (open ? freeName(safe.at(-1) ?? '_', isTaken) : (safe.at(-1) ?? '_'))
    taken.add(name.toLowerCase())
    return name
  }
}

function portableName(name: string): string {
  const portable = name.replace(/[/\\<>:"|?*\p{Cc}]/gu, '_')
  return /^\.{0,2}$/.test(portable) ? '_' : portable
}
