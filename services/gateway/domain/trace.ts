import { randomFillSync } from 'node:crypto'

/** Makes the ids of requests and traces. Random bytes are drawn in bulk: one system call for hundreds. */
export interface TraceIds {
  requestId(): string
  /** A new span below the given `traceparent`, or of a new trace when there is none that is valid. */
  traceparent(given: string | undefined): string
}

const wellFormedId = /^[\w.:-]{8,128}$/
const wellFormedParent = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/

/** A request id from outside is taken over only in this form, so that it cannot forge log lines. */
export const isRequestId = (value: string | undefined): value is string =>
  value !== undefined && wellFormedId.test(value)

/** Continues W3C Trace Context, level 1: version 00, neither id all zero. */
export function createTraceIds(): TraceIds {
  const bytes = Buffer.alloc(8192)
  let at = bytes.length
  const hex = (length: number): string => {
    if (at + length > bytes.length) {
      randomFillSync(bytes)
      at = 0
    }
    at += length
    return bytes.toString('hex', at - length, at)
  }
  return {
    requestId: () => hex(16),
    traceparent(given) {
      const parent = given === undefined ? null : wellFormedParent.exec(given)
      if (!parent || /^0+$/.test(parent[1] as string) || /^0+$/.test(parent[2] as string))
        return `00-${hex(16)}-${hex(8)}-00`
      return `00-${parent[1]}-${hex(8)}-${parent[3]}`
    },
  }
}
