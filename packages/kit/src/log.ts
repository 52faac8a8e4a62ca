import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino'

/** JSON logs without secrets: neither under a telling name nor within an error's text. */
export const createLog = (level: string, destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (object) => cleaned(object, maxDepth, String) as Record<string, unknown>,
      },
      // Errors are plain already when the serializers get them.
      serializers: { err: (value) => value },
      hooks: {
        // Without a message pino takes the error's, as it is.
        logMethod(args, method) {
          const [first] = args as unknown[]
          const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err
          if (args.length === 1 && error instanceof Error)
            return method.apply(this, [first, withoutSecrets(error.message)] as never)
          return method.apply(this, args)
        },
      },
    },
    destination as DestinationStream,
  )

const secretName =
  /passw(or)?d|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|otp$|recovery[-_]?code/i
/** `code` is a secret of sign-in, unless it reads like the code of an error: `ECONNREFUSED`, `23505`. */
const errorCode = /^([A-Z][A-Z0-9_]+|[a-z][a-z_]+|[0-9A-Z]{5})$/
const redacted = '[redacted]'
const maxDepth = 6

/** Bearer tokens, JWTs, our own opaque tokens, and passwords in URLs. */
const secretText =
  /\b(bearer\s+)[\w.~+/=-]+|eyJ[\w-]+\.[\w-]+\.[\w-]+|\bait_[\w-]+|(:\/\/[^\s:/@]*:)[^\s@]+(?=@)/gi
const withoutSecrets = (text: string): string =>
  text.replace(secretText, (_, bearer = '', user = '') => bearer + user + redacted)

/** A copy of a value for the log. `clean` is applied to its texts: those of errors may quote anything. */
function cleaned(value: unknown, depth: number, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return '[…]'
  if (value instanceof Error) return cleaned(stdSerializers.err(value), depth, withoutSecrets)
  if (Array.isArray(value)) return value.map((item) => cleaned(item, depth - 1, clean))
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value
  const copy: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value))
    copy[name] = isSecret(name, inner) ? redacted : cleaned(inner, depth - 1, clean)
  return copy
}

const isSecret = (name: string, value: unknown): boolean =>
  secretName.test(name) || (name === 'code' && typeof value === 'string' && !errorCode.test(value))
