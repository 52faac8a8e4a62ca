/** A name or path that cannot be used. `message` says why, in words that go after the field's name. */
export class NameError extends Error {
  override name = 'NameError'
}

/** Longest name on every file system that people sync with (ext4, APFS, NTFS). */
export const NAME_BYTES_MAX = 255
export const DEPTH_MAX = 32

/**
 * Control characters, lone surrogates, and invisible characters that turn the direction of text: with U+202E
 * "gnp.exe" reads as "exe.png". The joiners U+200C and U+200D stay: Persian and emoji need them.
 */
const invisible = /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u
/** Device names of Windows, with any extension: no file of that name can be saved there. */
const reserved = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i

/**
 * Checks the name of a file or folder and gives it in its one stored form (NFC, no space around it).
 * @throws NameError
 */
export function safeName(given: string): string {
  // Decoders put U+FFFD where the bytes were not UTF-8.
  if (given.includes('\ufffd')) throw new NameError('is not valid UTF-8')
  if (invisible.test(given)) throw new NameError('contains control or invisible characters')
  const name = given.normalize('NFC').trim()
  if (name === '') throw new NameError('is empty')
  if (/[/\\]/.test(name)) throw new NameError('contains a path: / and \\ are not allowed')
  if (name === '.' || name === '..') throw new NameError('is not a name')
  if (name.endsWith('.')) throw new NameError('ends with a dot')
  if (reserved.test(name)) throw new NameError('is a reserved name')
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new NameError(`is longer than ${NAME_BYTES_MAX} bytes`)
  return name
}

/**
 * The names along a folder path: `documents`, `a/b/c`. A slash at either end is allowed; none at all, and `/`, are
 * the top. Nothing climbs: `..` is no name.
 * @throws NameError
 */
export function folderPath(given: string): string[] {
  const inner = given.replace(/^\//, '').replace(/\/$/, '')
  if (inner === '') return []
  const names = inner.split('/').map(safeName)
  if (names.length > DEPTH_MAX) throw new NameError(`is deeper than ${DEPTH_MAX} folders`)
  return names
}

/** Splits off the last extension, if it is as short as one: `['archive.tar', '.gz']`, `['.profile', '']`. */
export function splitExtension(name: string): [string, string] {
  const [, stem, extension] = /^(.+)(\.[^.]{1,16})$/su.exec(name) ?? []
  return stem !== undefined && extension !== undefined ? [stem, extension] : [name, '']
}

/** The first of `a.txt`, `a (2).txt`, `a (3).txt` … that is not taken; at most 255 bytes long. */
export function freeName(wanted: string, isTaken: (name: string) => boolean): string {
  const [stem, extension] = splitExtension(wanted)
  let name = wanted
  for (let n = 2; isTaken(name); n++) {
    const suffix = ` (${n})${extension}`
    name = cutBytes(stem, NAME_BYTES_MAX - Buffer.byteLength(suffix)) + suffix
  }
  return name
}

/** At most so many bytes of a text, without a character cut in two. */
function cutBytes(text: string, bytesMax: number): string {
  let bytes = 0
  let end = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    end += character.length
  }
  return text.slice(0, end)
}
