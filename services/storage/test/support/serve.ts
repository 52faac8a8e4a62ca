/** Serves the storage service in a process of its own, so that a test can kill it: `serve.ts <env as JSON> <data folder>`. */
import { createDirectory, createLog, startService } from '@ait/kit'

import manifest from '../../service.ts'

const [env = '{}', dataDir = ''] = process.argv.slice(2)
const variables = JSON.parse(env) as Record<string, string>
const service = await startService(manifest, {
  env: variables,
  log: createLog('fatal'),
  dataDir,
  services: createDirectory([], new Map(), variables),
  now: () => new Date(),
})
console.log(await service.listen(0, '127.0.0.1'))
