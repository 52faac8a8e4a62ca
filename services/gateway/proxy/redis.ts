import { Redis } from 'ioredis'
import type { Logger } from 'pino'

/** A connection that fails at once while Redis is away, and tries again in the background. */
export function openRedis(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    commandTimeout: 1000,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 5000),
  })
  let away = false
  redis.on('error', (error: Error) => {
    if (!away) log.warn({ err: error }, 'Redis is away: each gateway counts requests for itself')
    away = true
  })
  redis.on('ready', () => {
    if (away) log.info('Redis is back: requests are counted together again')
    away = false
  })
  return redis
}
