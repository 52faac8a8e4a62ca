import { renameSync, writeFileSync } from 'node:fs'

/** Writes a file so that readers, and a crash, see the old one or the new one, never a part. */
export function replaceFile(path: string, content: string, mode = 0o644): void {
  const next = `${path}.${process.pid}`
  writeFileSync(next, content, { mode, flush: true })
  renameSync(next, path)
}
