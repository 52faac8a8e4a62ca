import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'

import { problems } from '@ait/kit'
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'

export type MultipartUpload<File> = { file: File; fields: Record<string, string> }

const LIMITS = { files: 2, fields: 8, parts: 10, fieldSize: 8 * 1024, headerPairs: 20, headerSize: 16 * 1024 }

/**
 * Reads a multipart/form-data body (RFC 7578) with exactly one file part, named `file`, and text fields of the given
 * names, in any order. The file streams into `takeFile` while it arrives; fields that come after it are there when this
 * resolves. Whatever is wrong ends the file's stream with an error, so that `takeFile` leaves nothing behind.
 * @throws Problem 4xx naming the part at fault.
 */
export async function readMultipart<File>(
  request: { headers: IncomingHttpHeaders },
  body: Readable,
  names: readonly string[],
  takeFile: (content: AsyncIterable<Buffer>, name: string) => Promise<File>,
): Promise<MultipartUpload<File>> {
  const parser = createParser(request.headers)
  const end = Promise.withResolvers<void>()
  const fields: Record<string, string> = {}
  let stream: BusboyFileStream | undefined
  let taking: Promise<File> | undefined

  const fail = (error: Error): void => {
    stream?.destroy(error)
    end.reject(error)
  }
  parser.on('file', (name, content, filename) => {
    // Without a listener, an error of a part that nobody reads would end the process.
    content.on('error', () => {})
    if (name !== 'file') return fail(unknownField(name))
    if (taking) return fail(problems.invalid(['body', 'file'], 'is there twice: send one file', 'too_many'))
    stream = content
    taking = takeFile(content as AsyncIterable<Buffer>, filename)
    taking.catch(fail)
  })
  parser.on('field', (name, value, _nameTruncated, valueTruncated) => {
    if (name === 'file')
      return fail(problems.invalid(['body', 'file'], 'must be a file: give the part a filename'))
    if (!names.includes(name)) return fail(unknownField(name))
    if (name in fields) return fail(problems.invalid(['body', name], 'is there twice', 'too_many'))
    if (valueTruncated) return fail(problems.invalid(['body', name], 'is too long', 'too_long'))
    fields[name] = value
  })
  for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const)
    parser.on(limit, () => fail(problems.invalid(['body'], 'has too many parts', 'too_many')))
  parser.on('error', () =>
    fail(problems.badRequest('malformed_multipart', 'The body is not valid multipart/form-data')),
  )
  parser.on('finish', () => end.resolve())
  body.once('error', fail)
  body.pipe(parser)
  try {
    await end.promise
    if (!taking) throw problems.invalid(['body', 'file'], 'is required', 'missing')
    return { file: await taking, fields }
  } catch (error) {
    body.unpipe(parser)
    // The file is let go of before the answer says that nothing is left.
    await taking?.catch(() => {})
    throw error
  }
}

function createParser(headers: IncomingHttpHeaders): BusboyInstance {
  try {
    return new Busboy({ headers: headers as never, limits: LIMITS, preservePath: true, fileHwm: 256 * 1024 })
  } catch {
    throw problems.invalid(['header', 'content-type'], 'has no boundary')
  }
}

const unknownField = (name: unknown) =>
  problems.invalid(['body', String(name)], 'is not a known field', 'additionalProperties')
