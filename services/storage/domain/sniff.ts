import { fileTypeFromBuffer } from 'file-type'

import { splitExtension } from './names.ts'

/** So many bytes of the beginning are looked at: office documents are told by the names inside their archive. */
export const SNIFF_BYTES = 65_536

/**
 * The media type of a content by its first bytes. What the sender declared is never asked: a type decides later whether
 * a browser may show the file, and so does the name only where any of its types is harmless text.
 */
export async function sniffType(head: Buffer, name: string): Promise<string> {
  const text = decodeText(head)
  const markup = text === undefined ? undefined : markupType(text)
  if (markup !== undefined) return markup
  const known = await fileTypeFromBuffer(head)
  if (known) return known.mime
  if (text === undefined) return 'application/octet-stream'
  return textTypes[splitExtension(name)[1].toLowerCase()] ?? 'text/plain'
}

const textTypes: Record<string, string> = {
  '.csv': 'text/csv',
  '.ics': 'text/calendar',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.vcf': 'text/vcard',
}

/** Bytes that no text holds: "binary data bytes" of the WHATWG MIME Sniffing Standard §3. */
const isBinary = (byte: number): boolean =>
  byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f)

/** The beginning as text: UTF-16 by its mark, else as bytes; undefined when it is no text. */
function decodeText(head: Buffer): string | undefined {
  if (head[0] === 0xfe && head[1] === 0xff) return new TextDecoder('utf-16be').decode(head)
  if (head[0] === 0xff && head[1] === 0xfe) return new TextDecoder('utf-16le').decode(head)
  return head.some(isBinary) ? undefined : head.toString('utf8')
}

/** Tags that make a page of a content: the table of WHATWG MIME Sniffing §7.1. */
const htmlStart =
  /^<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)(?=[\s>])|^<!--/i

/**
 * SVG, HTML and XML, which file-type does not tell or takes for harmless: all three can run script in a browser. Where
 * the markup begins is enough; the doubtful case is HTML, the one that is never shown.
 */
function markupType(text: string): string | undefined {
  const start = text.replace(/^\ufeff/, '').trimStart()
  if (!start.startsWith('<')) return undefined
  if (/^(?:<\?xml|<!--|<!doctype svg|<svg)/i.test(start) && /<(?:\w+:)?svg[\s>/]/i.test(start))
    return 'image/svg+xml'
  if (/<html[\s>]/i.test(start) && /^<\?xml/i.test(start)) return 'application/xhtml+xml'
  if (htmlStart.test(start)) return 'text/html'
  if (/^<\?xml/i.test(start)) return 'application/xml'
  // Any other tag at the very beginning: a browser that guesses could still see a page in it.
  return /^<[a-z!?]/i.test(start) ? 'application/xml' : undefined
}
