export { runningPostgres, startPostgres, type Postgres, type PostgresOptions } from './server.ts'
