import { contentDisposition } from './disposition.ts'

/** Types that a browser shows without running anything of the file's own. Everything else is saved, not shown. */
const inlineTypes = new Set([
  'application/pdf',
  'image/avif',
  'image/bmp',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'text/plain',
])

export const isInlineSafe = (contentType: string): boolean =>
  inlineTypes.has(contentType) || /^(?:audio|video)\/(?:mp4|mpeg|ogg|webm|wav|flac|x-m4a)$/.test(contentType)

/**
 * The headers under which a file leaves: its sniffed type, never guessed again (`nosniff`), shown only when it was asked
 * for and is safe, and in a sandbox without script and network in any case.
 */
export function deliveryHeaders(
  file: { name: string; contentType: string },
  wanted: 'inline' | 'attachment',
): Record<string, string> {
  const shown = wanted === 'inline' && isInlineSafe(file.contentType)
  // Chromium's PDF viewer does not start in a sandbox; a PDF runs in the viewer's own process anyway.
  const sandbox = file.contentType === 'application/pdf' ? '' : '; sandbox'
  return {
    'content-type': file.contentType === 'text/plain' ? 'text/plain; charset=utf-8' : file.contentType,
    'content-disposition': contentDisposition(shown ? 'inline' : 'attachment', file.name),
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'${sandbox}`,
    'cross-origin-resource-policy': 'same-site',
  }
}
