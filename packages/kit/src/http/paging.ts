import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { problems } from './problems.ts'

export type CursorKey = (string | number | null)[]

export interface PageRequest {
  limit: number
  /** Sort key of the last item of the page before. */
  after: CursorKey | null
}

export interface Paging {
  /** @throws Problem 422 for a cursor that this list did not give out. */
  read(query: { limit?: number; cursor?: string }, list: string): PageRequest
  write(key: CursorKey, list: string): string
}

export const maxPage = 200
const defaultPage = 50

/**
 * Keyset cursors: opaque, and signed together with the name of their list, so that nobody builds their
 * own or takes one elsewhere, where its values mean other columns.
 */
export function createPaging(secret: string): Paging {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'ait cursor', 32))
  const sign = (text: string, list: string): Buffer =>
    createHmac('sha256', key).update(`${list} ${text}`).digest().subarray(0, 12)
  return {
    read({ limit = defaultPage, cursor }, list) {
      if (!cursor) return { limit: Math.min(limit, maxPage), after: null }
      const [text = '', signature = ''] = cursor.split('.')
      const given = Buffer.from(signature, 'base64url')
      const wanted = sign(text, list)
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
        throw problems.invalid(['query', 'cursor'], 'is not a cursor of this list', 'cursor_invalid')
      return { limit: Math.min(limit, maxPage), after: JSON.parse(Buffer.from(text, 'base64url').toString()) }
    },
    write(values, list) {
      const text = Buffer.from(JSON.stringify(values)).toString('base64url')
      return `${text}.${sign(text, list).toString('base64url')}`
    },
  }
}
