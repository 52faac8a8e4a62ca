import type { Caller, Answer } from '@ait/testing'

export type Part = { name: string; content: string | Buffer; filename?: string | Buffer; type?: string }

const BOUNDARY = '----ait-test-boundary'

/** A multipart/form-data body, written out by hand so that it can be wrong in every way. */
export function multipart(parts: readonly Part[]): { body: Buffer; headers: { 'content-type': string } } {
  const chunks = parts.flatMap(({ name, content, filename, type }) => [
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`),
    ...(filename === undefined
      ? []
      : [Buffer.from('; filename="'), Buffer.from(filename as string), Buffer.from('"')]),
    Buffer.from(`\r\n${type ? `Content-Type: ${type}\r\n` : ''}\r\n`),
    Buffer.from(content as string),
    Buffer.from('\r\n'),
  ])
  return {
    body: Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  }
}

/** Uploads one file, the way curl does in the guide: the file first, then the fields. */
export function upload(
  caller: Caller,
  filename: string,
  content: string | Buffer,
  fields: Record<string, string> = {},
  expected = 201,
): Promise<Answer> {
  const parts = Object.entries(fields).map(([name, value]) => ({ name, content: value }))
  return caller.call('uploadFile', multipart([{ name: 'file', filename, content }, ...parts]), expected)
}
