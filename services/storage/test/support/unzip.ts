import { crc32, inflateRawSync } from 'node:zlib'

export type UnzippedFile = { name: string; content: Buffer; utf8: boolean }

/** Reads a zip archive by its central directory (APPNOTE 6.3.10 §4.3.12), checking each CRC. */
export function unzip(zip: Buffer): UnzippedFile[] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const files: UnzippedFile[] = []
  let at = zip.readUInt32LE(end + 16)
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    const [flags, method] = [zip.readUInt16LE(at + 8), zip.readUInt16LE(at + 10)]
    const [crc, packed] = [zip.readUInt32LE(at + 16), zip.readUInt32LE(at + 20)]
    const [nameLength, extra, comment] = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ]
    const local = zip.readUInt32LE(at + 42)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const bytes = zip.subarray(start, start + packed)
    const content = method === 8 ? inflateRawSync(bytes) : bytes
    if (crc32(content) !== crc) throw new Error('wrong CRC')
    files.push({
      name: zip.toString('utf8', at + 46, at + 46 + nameLength),
      content,
      utf8: (flags & 0x800) !== 0,
    })
    at += 46 + nameLength + extra + comment
  }
  return files
}
