import { fork } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import sharp from 'sharp'

/** Pictures of more pixels are not opened: a few KiB of PNG can unpack to gigabytes. */
const PIXELS_MAX = 64_000_000
/** Sources above this are not worth reading for a picture of a few hundred pixels. */
export const SOURCE_BYTES_MAX = 64 * 1024 * 1024
const DEADLINE_MS = 15_000
/** Of pictures and of pages each. Every one of them may hold a decoded picture. */
const AT_ONCE = 2

export const THUMBNAIL_TYPE = 'image/webp'

/** The source is damaged, too large, or takes too long: there will never be a thumbnail of it. */
export class ThumbnailError extends Error {
  override name = 'ThumbnailError'
}

export type Source = { sha256: string; contentType: string; open(): Promise<Readable> }

export type Thumbnailer = {
  /** A WebP picture that fits into a square of `size` pixels. @throws ThumbnailError */
  make(source: Source, size: number): Promise<Buffer>
}

// Never SVG: the library behind would follow references inside it.
const pictures = new Set(['image/avif', 'image/gif', 'image/jpeg', 'image/png', 'image/tiff', 'image/webp'])

export const canHaveThumbnail = (contentType: string, size: number): boolean =>
  size > 0 && size <= SOURCE_BYTES_MAX && (pictures.has(contentType) || contentType === 'application/pdf')

/** Makes thumbnails off the main thread, a few at a time, and each once, however many ask for it meanwhile. */
export function createThumbnailer({ deadlineMs = DEADLINE_MS } = {}): Thumbnailer {
  // Apart, so that pages which take all the time they get do not keep pictures waiting.
  const enterPages = createGate(AT_ONCE)
  const enterPictures = createGate(AT_ONCE)
  const making = new Map<string, Promise<Buffer>>()

  const make = async ({ contentType, open }: Source, size: number): Promise<Buffer> => {
    const isPage = contentType === 'application/pdf'
    const leave = await (isPage ? enterPages() : enterPictures())
    try {
      // Opened only now: those who wait hold no file.
      const content = await buffer(await open())
      return await shrink(isPage ? await firstPage(content, size, deadlineMs) : content, size)
    } finally {
      leave()
    }
  }
  return {
    make(source, size) {
      const key = `${source.sha256} ${size}`
      const known = making.get(key)
      if (known) return known
      const made = make(source, size).finally(() => making.delete(key))
      making.set(key, made)
      return made
    },
  }
}

/** Only the first picture of an animation, turned as the camera held it; other metadata (place, camera) stays behind. */
async function shrink(picture: Buffer, size: number): Promise<Buffer> {
  try {
    return await sharp(picture, { limitInputPixels: PIXELS_MAX, animated: false, failOn: 'error' })
      .rotate()
      .resize(size, size, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .timeout({ seconds: DEADLINE_MS / 1000 })
      .toBuffer()
  } catch (error) {
    throw new ThumbnailError('the picture cannot be read', { cause: error })
  }
}

/**
 * The first page as PNG. Made in a process of its own that is ended when it takes too long: a page can claim any amount
 * of memory outside JavaScript's, which a thread would leave with us, and what it crashes is not us.
 */
async function firstPage(content: Buffer, size: number, deadlineMs: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const child = fork(new URL('./pdf-page.ts', import.meta.url), {
    execArgv: ['--max-old-space-size=256'],
    serialization: 'advanced',
    stdio: 'ignore',
    // It needs none of our secrets.
    env: {},
  })
  const timer = setTimeout(() => reject(new Error('takes too long')), deadlineMs)
  child.once('message', (page) => resolve(page as Uint8Array))
  child.once('error', reject)
  child.once('exit', () => reject(new Error('ended without a page')))
  child.send({ content, size }, (error) => error && reject(error))
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
    return Buffer.from(await promise)
  } catch (error) {
    throw new ThumbnailError('the page cannot be drawn', { cause: error })
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

/** Lets at most `atOnce` callers in; the others wait in order. */
function createGate(atOnce: number): () => Promise<() => void> {
  const waiting: (() => void)[] = []
  let inside = 0
  const leave = (): void => {
    const next = waiting.shift()
    if (next) next()
    else inside--
  }
  return async () => {
    if (inside < atOnce) inside++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    return leave
  }
}
