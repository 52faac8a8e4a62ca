import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'

import sharp from 'sharp'

/** Pictures of more pixels are not opened: a few KiB of PNG can unpack to gigabytes. */
const PIXELS_MAX = 64_000_000
/** Sources above this are not worth reading for a picture of a few hundred pixels. */
export const SOURCE_BYTES_MAX = 64 * 1024 * 1024
const DEADLINE_MS = 15_000
/** Each of them may hold a decoded picture. */
const AT_ONCE = 2

export const THUMBNAIL_TYPE = 'image/webp'

/** The source is damaged, too large, or takes too long: there will never be a thumbnail of it. */
export class ThumbnailError extends Error {
  override name = 'ThumbnailError'
}

export type Thumbnailer = {
  /** A WebP picture that fits into a square of `size` pixels. @throws ThumbnailError */
  make(source: Readable, contentType: string, size: number): Promise<Buffer>
}

// Never SVG: the library behind would follow references inside it.
const pictures = new Set(['image/avif', 'image/gif', 'image/jpeg', 'image/png', 'image/tiff', 'image/webp'])

export const canHaveThumbnail = (contentType: string, size: number): boolean =>
  size > 0 && size <= SOURCE_BYTES_MAX && (pictures.has(contentType) || contentType === 'application/pdf')

/** Makes thumbnails off the main thread, a few at a time. */
export function createThumbnailer(): Thumbnailer {
  const enter = createGate(AT_ONCE)
  return {
    async make(source, contentType, size) {
      const leave = await enter()
      try {
        const content = await buffer(source)
        const picture = contentType === 'application/pdf' ? await firstPage(content, size) : content
        return await shrink(picture, size)
      } finally {
        source.destroy()
        leave()
      }
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

/** The first page as PNG, made in a thread with limited memory that is ended when it takes too long. */
async function firstPage(content: Buffer, size: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const worker = new Worker(new URL('./pdf-worker.ts', import.meta.url), {
    workerData: { content: new Uint8Array(content), size },
    resourceLimits: { maxOldGenerationSizeMb: 256 },
    stdout: true,
    stderr: true,
  })
  const timer = setTimeout(() => reject(new Error('takes too long')), DEADLINE_MS)
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', () => reject(new Error('ended without a page')))
  try {
    return Buffer.from(await promise)
  } catch (error) {
    throw new ThumbnailError('the page cannot be drawn', { cause: error })
  } finally {
    clearTimeout(timer)
    await worker.terminate()
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
