import { join } from 'node:path'
import type { Bench } from './part.ts'
import { freePort, startServer, type Server } from './process.ts'

export interface Ours {
  server: Server
  /** Address of the measured service. */
  service: string
  /** Address of the gateway in the same process, if there is one. */
  gateway: string
  headers: { authorization: string }
}

/** Starts the measured service, with or without the gateway, in a process of its own. */
export async function startOurs(bench: Bench, withGateway: { file: string } | false = false): Promise<Ours> {
  const port = await freePort()
  const gatewayPort = withGateway ? await freePort() : undefined
  const server = await startServer([process.execPath, join(import.meta.dirname, 'service/start.ts')], {
    port,
    logFile: join(bench.folder, 'service.log'),
    env: {
      PORT: String(port),
      DATA_DIR: bench.folder,
      POSTGRES_URL: bench.postgres,
      DATABASE_POOL_SIZE: '10',
      JWT_SECRET_KEY: 'bench-0123456789abcdefghijklmnopqrstuvwxyz',
      SERVICE_AUTH_TOKEN: 'bench-token-0123456789abcdefghijklmnopqrst',
      ...(withGateway && { GATEWAY_PORT: String(gatewayPort), GATEWAY_FILE: withGateway.file, ...unlimited }),
    },
  })
  const { token } = server.told as { token: string }
  return {
    server,
    service: `http://127.0.0.1:${port}`,
    gateway: `http://127.0.0.1:${gatewayPort}`,
    headers: { authorization: `Bearer ${token}` },
  }
}

/** No limit may be reached: what it costs to count is measured, not what it costs to be refused. */
export const unlimited = {
  GATEWAY_RATE_USER_PER_MINUTE: '1000000000',
  GATEWAY_RATE_ADDRESS_PER_MINUTE: '1000000000',
}
