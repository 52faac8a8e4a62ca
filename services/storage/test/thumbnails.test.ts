import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import sharp from 'sharp'

import { canHaveThumbnail, createThumbnailer, ThumbnailError, type Source } from '../thumbnails/thumbnail.ts'
import { endlessPdf, redPdf } from './support/pdf.ts'

const thumbnailer = createThumbnailer()
const sourceOf = (content: Buffer, contentType: string): Source => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  contentType,
  open: async () => Readable.from([content]),
})
const make = (content: Buffer, type: string, size = 64) => thumbnailer.make(sourceOf(content, type), size)
const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 0, g: 0, b: 255 } } })

async function pixel(image: Buffer, left: number, top: number): Promise<number[]> {
  return [...(await sharp(image).removeAlpha().extract({ left, top, width: 1, height: 1 }).raw().toBuffer())]
}

test('a picture is shrunk to fit, never grown', async () => {
  const { width, height, format } = await sharp(
    await make(await picture(400, 100).png().toBuffer(), 'image/png'),
  ).metadata()
  assert.deepEqual([width, height, format], [64, 16, 'webp'])
  assert.equal(
    (await sharp(await make(await picture(10, 10).jpeg().toBuffer(), 'image/jpeg')).metadata()).width,
    10,
  )
})

test('a photo is turned as the camera held it, and its metadata stays behind', async () => {
  const photo = await picture(100, 50)
    .withExif({ IFD3: { GPSLatitudeRef: 'N' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
  const { width, height, exif } = await sharp(await make(photo, 'image/jpeg', 100)).metadata()
  assert.deepEqual([width, height, exif], [50, 100, undefined])
})

test('of an animation the first picture', async () => {
  const frames = await sharp(Buffer.alloc(20 * 40 * 3), {
    raw: { width: 20, height: 40, channels: 3, pageHeight: 20 },
  })
    .gif()
    .toBuffer()
  const { width, height, pages } = await sharp(await make(frames, 'image/gif')).metadata()
  assert.deepEqual([width, height, pages ?? 1], [20, 20, 1])
})

test('the first page of a PDF', async () => {
  const image = await make(redPdf(), 'application/pdf', 128)
  const { width, height } = await sharp(image).metadata()
  assert.deepEqual([width, height], [128, 64])
  const [r = 0, g = 0, b = 0] = await pixel(image, 20, 30)
  assert.ok(r > 230 && g < 30 && b < 30, `left is red: ${r},${g},${b}`)
  assert.deepEqual(
    (await pixel(image, 110, 30)).map((value) => value > 240),
    [true, true, true],
  )
})

test('damaged, lying and oversized sources are refused, and do not stop the next one', async () => {
  const bomb = await picture(9000, 9000).png({ compressionLevel: 9 }).toBuffer()
  await assert.rejects(make(bomb, 'image/png'), ThumbnailError)
  await assert.rejects(make(Buffer.from('not a picture'), 'image/png'), ThumbnailError)
  await assert.rejects(make(Buffer.from('%PDF-1.7 broken'), 'application/pdf'), ThumbnailError)
  assert.ok((await make(await picture(10, 10).png().toBuffer(), 'image/png')).length > 0)
})

test('SVG and everything else has none', () => {
  assert.equal(canHaveThumbnail('image/svg+xml', 100), false)
  assert.equal(canHaveThumbnail('text/html', 100), false)
  assert.equal(canHaveThumbnail('image/png', 100), true)
  assert.equal(canHaveThumbnail('image/png', 2 ** 40), false)
})

test('pages that take all the time they get are ended, and keep no picture waiting', async () => {
  const hasty = createThumbnailer({ deadlineMs: 3000 })
  let ended = 0
  const pages = Array.from({ length: 4 }, (_, n) => {
    const source = sourceOf(Buffer.concat([endlessPdf(), Buffer.from(`\n% ${n}`)]), 'application/pdf')
    return assert.rejects(hasty.make(source, 64), ThumbnailError).finally(() => ended++)
  })
  await hasty.make(sourceOf(await picture(10, 10).png().toBuffer(), 'image/png'), 64)
  assert.equal(ended, 0)
  await Promise.all(pages)
})

test('who asks for the same meanwhile gets the same', async () => {
  const content = await picture(30, 30).png().toBuffer()
  let opened = 0
  const source: Source = {
    ...sourceOf(content, 'image/png'),
    open: async () => (opened++, Readable.from([content])),
  }
  const [first, ...others] = await Promise.all([1, 2, 3].map(() => thumbnailer.make(source, 64)))
  for (const other of others) assert.deepEqual(other, first)
  assert.equal(opened, 1)
})
