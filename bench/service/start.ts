/**
 * Starts the measured service as the suite starts its own, with `GATEWAY_PORT` also the gateway in the same process,
 * and tells its parent a token for them.
 */
import { createDirectory, startService, type RunningService, type ServiceManifest } from '@ait/kit'
import { createTestAuthority } from '@ait/testing'
import { openLogs } from '../../apps/suite/src/log-files.ts'
import bench from './service.ts'

const env = process.env
const dataDir = env['DATA_DIR'] as string
const authority = await createTestAuthority()
const logs = openLogs({ ...env, LOG_TO: 'stdout' }, dataDir, () => {})
const running = new Map<string, RunningService>()
const { name, title, port } = bench
const catalogue = [{ name, title, port, path: `/api/v1/${name}`, subscriptions: [] }]
const services = createDirectory(catalogue, running, env)

async function start(manifest: ServiceManifest): Promise<RunningService> {
  const log = logs.of(manifest.name)
  const service = await startService(manifest, {
    env,
    log,
    dataDir,
    services,
    now: () => new Date(),
    authority,
  })
  running.set(manifest.name, service)
  process.on('SIGTERM', () => void service.stop())
  return service
}

const service = await start(bench)
process.send?.({ token: await authority.tokenFor('ann', { exp: Math.floor(Date.now() / 1000) + 3600 }) })
if (env['GATEWAY_PORT']) {
  const { default: manifest } = await import('../../services/gateway/service.ts')
  const gateway = await start(manifest)
  await gateway.listen(Number(env['GATEWAY_PORT']), '127.0.0.1')
}
await service.listen(Number(env['PORT']), '127.0.0.1')
