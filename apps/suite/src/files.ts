import { chmodSync, renameSync, statSync, writeFileSync } from 'node:fs'

/** Writes a file so that readers, and a crash, see the old one or the new one, never a part. */
export function replaceFile(path: string, content: string, mode = 0o644): void {
  const next = `${path}.${process.pid}`
  writeFileSync(next, content, { mode, flush: true })
  renameSync(next, path)
}

/** Root's folder: lets other accounts through, but not look around, to what in it is theirs. */
export function letPass(folder: string): void {
  const { mode, uid } = statSync(folder)
  if (process.getuid?.() !== 0 || uid !== 0 || (mode & 0o011) === 0o011) return
  chmodSync(folder, (mode & 0o777) | 0o011)
}
