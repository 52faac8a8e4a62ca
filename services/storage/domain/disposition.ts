/**
 * A Content-Disposition header (RFC 6266) that every browser saves under the right name: an ASCII fallback, and the
 * real name in UTF-8 (RFC 8187) when they differ.
 */
export function contentDisposition(type: 'inline' | 'attachment', name: string): string {
  const fallback = name.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_')
  const plain = `${type}; filename="${fallback}"`
  return fallback === name ? plain : `${plain}; filename*=UTF-8''${extendedValue(name)}`
}

/** `value-chars` of RFC 8187 §3.2.1: what encodeURIComponent leaves as it is, without `'()*`. */
function extendedValue(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
