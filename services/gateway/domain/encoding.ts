export type Encoding = 'br' | 'gzip'

/** Shorter answers are not worth it. */
export const minCompressedBytes = 1024

const compressible =
  /^(text\/(?!event-stream)|application\/(json|problem\+json|javascript|xml|xhtml\+xml|ld\+json|manifest\+json|wasm|x-ndjson|graphql|openapi\+json)|image\/svg\+xml|application\/[\w.-]+\+(json|xml))/i

export const isCompressible = (contentType: string): boolean => compressible.test(contentType)

/**
 * The coding to use for an `Accept-Encoding` (RFC 9110 §12.5.3): brotli before gzip when the client
 * likes both the same. Undefined: send it as it is.
 */
export function chooseEncoding(accept: string): Encoding | undefined {
  let any = 0
  const weights: Record<string, number> = {}
  for (const part of accept.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = q === undefined ? 1 : Number(q.slice(2))
    if (coding === '*') any = weight
    else weights[coding] = weight
  }
  const br = weights['br'] ?? any
  const gzip = weights['gzip'] ?? weights['x-gzip'] ?? any
  if (br > 0 && br >= gzip) return 'br'
  return gzip > 0 ? 'gzip' : undefined
}
