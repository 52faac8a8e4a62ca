import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that goes when the test file ends. Open to all, so that PostgreSQL's account can enter it. */
export function temporaryFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), 'ait-suite-'))
  chmodSync(folder, mode)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
