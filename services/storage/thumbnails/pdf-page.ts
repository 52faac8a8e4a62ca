/** Draws the first page of a PDF in a child process: `{ content, size }` comes in, the bytes of a PNG go out. */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { createCanvas } from '@napi-rs/canvas'
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs'

// Whoever asked is gone: so is the need.
process.once('disconnect', () => process.exit())
const [{ content, size }] = (await once(process, 'message')) as [{ content: Uint8Array; size: number }]
const folder = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'))

const document = await getDocument({
  data: new Uint8Array(content),
  // Pictures inside the page, in pixels: the same cap as for pictures themselves.
  maxImageSize: 64_000_000,
  enableXfa: false,
  useSystemFonts: false,
  standardFontDataUrl: `${join(folder, 'standard_fonts')}/`,
  cMapUrl: `${join(folder, 'cmaps')}/`,
  wasmUrl: `${join(folder, 'wasm')}/`,
  verbosity: 0,
}).promise
const page = await document.getPage(1)
const natural = page.getViewport({ scale: 1 })
const viewport = page.getViewport({ scale: size / Math.max(natural.width, natural.height) })
const canvas = createCanvas(Math.max(1, Math.ceil(viewport.width)), Math.max(1, Math.ceil(viewport.height)))
// pdf.js names the browser's types; this canvas is the one it uses itself under Node.
await page.render({ canvas: canvas as never, canvasContext: canvas.getContext('2d') as never, viewport })
  .promise
process.send?.(await canvas.encode('png'))
