/** Starts the measured service as the suite starts its own, and tells its parent a token for it. */
import { createDirectory, startService } from '@ait/kit'
import { createTestAuthority } from '@ait/testing'
import { openLogs } from '../../apps/suite/src/log-files.ts'
import manifest from './service.ts'

const env = process.env
const dataDir = env['DATA_DIR'] as string
const authority = await createTestAuthority()
const logs = openLogs({ ...env, LOG_TO: 'stdout' }, dataDir, () => {})
const service = await startService(manifest, {
  env,
  log: logs.of(manifest.name),
  dataDir,
  services: createDirectory([], new Map(), env),
  now: () => new Date(),
  authority,
})
process.on('SIGTERM', () => void service.stop().then(() => process.exit()))
process.send?.({ token: await authority.tokenFor('ann', { exp: Math.floor(Date.now() / 1000) + 3600 }) })
await service.listen(Number(env['PORT']), '127.0.0.1')
