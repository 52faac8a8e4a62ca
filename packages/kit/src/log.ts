import { pino, type DestinationStream, type Logger } from 'pino'

/** Names under which secrets travel; their values never reach a log. */
const secrets = [
  'password',
  'new_password',
  'token',
  'access_token',
  'refresh_token',
  'mfa_token',
  'code',
  'secret',
  'authorization',
  'cookie',
]

/** JSON logs with secrets redacted. */
export const createLog = (level: string, destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
    },
    destination as DestinationStream,
  )
