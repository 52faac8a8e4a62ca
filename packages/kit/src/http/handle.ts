import type { FastifyReply, FastifyRequest } from 'fastify'
import { admit, principalIfAny, principalOf } from '../access/guard.ts'
import { principalId } from '../access/principal.ts'
import { isWrite, successStatus, type Operation } from '../contract/operation.ts'
import type { Route } from '../service/define.ts'
import type { Runtime } from '../service/runtime.ts'
import { answerChecker } from './answers.ts'
import { RequestContext } from './context.ts'
import { once } from './idempotency.ts'

/** Hook of an operation: who asks, and may they. */
export function authenticator({ verifier, manifest }: Runtime, operation: Operation) {
  const { allow } = operation.spec
  const identify = allow === 'public' ? principalIfAny : principalOf
  return async (request: FastifyRequest): Promise<void> => {
    const found = identify(verifier, request, manifest.name, operation)
    const principal = found instanceof Promise ? await found : found
    request.principal = principal
    admit(allow, principal, manifest.name, operation)
  }
}

/** Wraps an operation's handler: transaction, idempotency, status. */
export function handlerOf(runtime: Runtime, name: string, operation: Operation, handler: Route['handler']) {
  const { spec } = operation
  const status = successStatus(operation)
  const transactional =
    isWrite(operation) && spec.transaction !== 'manual' && runtime.manifest.database !== null
  if (spec.idempotent && !transactional)
    throw new Error(`${name}: Idempotency-Key needs the transaction that the kit opens`)
  const aboutResource = spec.allow.includes('.') && !spec.allow.startsWith('permission:')
  const check = runtime.platform.checkAnswers ? answerChecker(name, operation) : undefined

  const run = async (ctx: RequestContext): Promise<unknown> => {
    const result = await handler(ctx)
    if (aboutResource && !ctx.asked.includes(spec.allow))
      throw new Error(`${name} answered without asking its policy for ${spec.allow}`)
    return result
  }
  const inTransaction = (ctx: RequestContext): Promise<unknown> =>
    ctx.begin(async (tx) => {
      ctx.sql = tx
      return spec.idempotent && ctx.request.headers['idempotency-key'] !== undefined
        ? runOnce(ctx, name, run)
        : run(ctx)
    })

  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    reply.code(status)
    const ctx = new RequestContext(runtime, name, request, reply)
    const result = await (transactional ? inTransaction(ctx) : run(ctx))
    check?.(reply.statusCode, result)
    if (reply.sent) return reply
    return reply.statusCode === 204 || reply.statusCode === 302 ? reply.send() : reply.send(result)
  }
}

const kept = ['etag', 'location'] as const

/** Runs the handler, or repeats the answer that it gave to the same `Idempotency-Key`. */
async function runOnce(
  ctx: RequestContext,
  operation: string,
  run: (ctx: RequestContext) => Promise<unknown>,
): Promise<unknown> {
  const { params, query, body, principal, request, reply } = ctx
  const answer = await once(
    ctx.sql,
    {
      key: String(request.headers['idempotency-key']),
      caller: principalId(principal) ?? request.ip,
      operation,
      input: [params, query, body],
    },
    async () => {
      const response = await run(ctx)
      const headers = Object.fromEntries(
        kept.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
      )
      return { response, status: reply.statusCode, headers }
    },
  )
  reply.code(answer.status).headers(answer.headers)
  return answer.response
}
