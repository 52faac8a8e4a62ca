import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Logger } from 'pino'
import { parseDocument } from 'yaml'
import { readGatewayFile } from '../domain/gateway-file.ts'

export type GatewayFileContent = ReturnType<typeof readGatewayFile>

export interface WatchedFile {
  /** Why the file as it is now is not in use; null when it is, or when there is none. */
  readonly fault: string | null
  readonly loadedAt: Date | null
  /** Reads it again now. */
  reload(): Promise<void>
  stop(): void
}

interface Options {
  path: string
  bodyLimitBytes: number
  log: Logger
  /** Puts the content to use. @throws Error when that cannot be done: the old one stays */
  apply(content: GatewayFileContent): void
}

/** Editors write a file in several steps: wait until it has been quiet for this long. */
const quietMs = 100

/**
 * Loads gateway.yaml and follows its changes. A bad file changes nothing: what was in use stays, and
 * `fault` and the log say why. No file at all means no extra upstreams.
 */
export async function watchGatewayFile({ path, bodyLimitBytes, log, apply }: Options): Promise<WatchedFile> {
  let fault: string | null = null
  let loadedAt: Date | null = null
  let text: string | null = null

  const reload = async (): Promise<void> => {
    const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    if (found === text) return
    text = found
    try {
      apply(readGatewayFile(parseYaml(found), bodyLimitBytes))
      fault = null
      loadedAt = new Date()
      if (found !== '') log.info({ path }, 'gateway.yaml is in use')
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error)
      log.error({ path, fault }, 'gateway.yaml cannot be used: the routes stay as they were')
    }
  }
  await reload()

  let timer: NodeJS.Timeout | undefined
  // The folder, because an editor may replace the file by another one.
  const watcher = watch(dirname(path), (_event, name) => {
    if (name !== null && name !== basename(path)) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      reload().catch((error: unknown) => log.error({ err: error }, 'gateway.yaml cannot be read'))
    }, quietMs)
  })
  watcher.on('error', (error) => log.warn({ err: error }, 'changes of gateway.yaml are not noticed any more'))
  watcher.unref()
  return {
    get fault() {
      return fault
    },
    get loadedAt() {
      return loadedAt
    },
    reload,
    stop() {
      clearTimeout(timer)
      watcher.close()
    },
  }
}

function parseYaml(text: string): unknown {
  // Aliases are left out: a few of them can unfold into gigabytes.
  const document = parseDocument(text, { uniqueKeys: true })
  const first = document.errors[0]
  if (first) throw new Error(first.message)
  return document.toJS({ maxAliasCount: 0 })
}
