declare module 'zip-stream' {
  import type { Readable, Transform } from 'node:stream'

  export default class ZipStream extends Transform {
    constructor(options?: { level?: number; comment?: string })
    entry(
      source: Readable | Buffer | null,
      data: { name: string; type?: 'file' | 'directory'; date?: Date; store?: boolean },
      callback: (error: Error | null) => void,
    ): this
    finalize(): void
  }
}
