/** Bytes `start` to `end`, both inclusive and counted from 0 (RFC 9110 §14.1.2). */
export type ByteRange = { start: number; end: number }

/** What to send for a Range header: everything, one part of it, or a refusal (416). */
export type RangeAnswer = 'all' | 'unsatisfiable' | ByteRange

/**
 * Reads a Range header (RFC 9110 §14.2) for a content of `size` bytes.
 *
 * One range is answered by that part, several that touch by the part that they make together. Several that lie apart
 * would need a multipart answer, which no client of ours asks for and which invites abuse: the header is then ignored,
 * as the RFC allows, and so are other units and malformed values.
 */
export function readRange(header: string | undefined, size: number): RangeAnswer {
  const list = /^bytes=(.*)$/i.exec(header?.trim() ?? '')?.[1]
  if (list === undefined) return 'all'
  const parts = list.split(',').map((part) => part.trim())
  if (parts.length > 16) return 'all'
  const ranges: ByteRange[] = []
  for (const part of parts) {
    const range = readOne(part, size)
    if (range === 'malformed') return 'all'
    if (range !== 'unsatisfiable') ranges.push(range)
  }
  return ranges.length === 0 ? 'unsatisfiable' : joined(ranges)
}

function readOne(part: string, size: number): ByteRange | 'malformed' | 'unsatisfiable' {
  const [, first, last] = /^(\d*)-(\d*)$/.exec(part) ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'malformed'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'malformed'
  return start >= size ? 'unsatisfiable' : { start, end }
}

function joined(ranges: ByteRange[]): RangeAnswer {
  const [whole, ...others] = ranges.toSorted((a, b) => a.start - b.start) as [ByteRange, ...ByteRange[]]
  for (const range of others) {
    if (range.start > whole.end + 1) return 'all'
    whole.end = Math.max(whole.end, range.end)
  }
  return whole
}
