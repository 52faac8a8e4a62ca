export * from './contract/index.ts'
export * from './http/problems.ts'
export { addressOf } from './http/address.ts'
export { etagOf, requireVersion } from './http/etag.ts'
export { serveDocs, type ApiLink } from './http/docs.ts'
export { openApi } from './http/openapi.ts'
export type { Context, Unit } from './http/context.ts'
export type { CursorKey, PageRequest } from './http/paging.ts'
export type { Metrics } from './http/metrics.ts'
export * from './access/principal.ts'
export { abilitiesOf, definePolicy, findFor, type Policy, type ResourcePolicy } from './access/policy.ts'
export { forgetShares, sharedRole, visibleTo, type ShareRole } from './access/shares.ts'
export { linkId, Share, shareOperations, shareRoutes } from './access/share-routes.ts'
export type { Authority, Verifier } from './access/verify.ts'
export type { Revocations } from './access/revocations.ts'
export { ConfigError, kitConfig, readConfig, type Environment, type KitConfig } from './config.ts'
export { databaseUrl, ensureDatabase, openPool, type Fragment, type Pool, type Sql } from './db/database.ts'
export { migrate } from './db/migrate.ts'
export type { CloudEvent } from './events/outbox.ts'
export type { JobRun } from './jobs/jobs.ts'
export { newId } from './id.ts'
export { createLog } from './log.ts'
export { createDirectory, portOf, type Directory, type Platform, type ServiceInfo } from './platform.ts'
export { createTransport, type CallAnswer, type CallRequest, type Transport } from './transport.ts'
export {
  builders,
  defineService,
  type Job,
  type Route,
  type ServiceManifest,
  type ServiceRuntime,
  type Subscription,
} from './service/define.ts'
export { startService, type RunningService } from './service/start.ts'
export { completeContract } from './service/operations.ts'
