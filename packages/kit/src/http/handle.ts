import type { FastifyReply, FastifyRequest } from 'fastify'
import { admit, principalIfAny, principalOf } from '../access/guard.ts'
import { principalId } from '../access/principal.ts'
import { isWrite, successStatus, type Operation } from '../contract/operation.ts'
import type { Route } from '../service/define.ts'
import type { Runtime } from '../service/runtime.ts'
import { answerChecker } from './answers.ts'
import { RequestContext } from './context.ts'
import { once } from './idempotency.ts'

/** Wraps an operation's handler: who asks, may they, transaction, idempotency, status. */
export function handlerOf(runtime: Runtime, name: string, operation: Operation, handler: Route['handler']) {
  const { spec } = operation
  const status = successStatus(operation)
  const transactional =
    isWrite(operation) && spec.transaction !== 'manual' && runtime.manifest.database !== null
  const aboutResource = spec.allow.includes('.') && !spec.allow.startsWith('permission:')
  const identify = spec.allow === 'public' ? principalIfAny : principalOf
  const check = runtime.platform.checkAnswers ? answerChecker(name, operation) : undefined

  const run = async (ctx: RequestContext): Promise<unknown> => {
    const result = await handler(ctx)
    if (aboutResource && !ctx.asked) throw new Error(`${name} answered without asking its policy`)
    return result
  }
  const inTransaction = (ctx: RequestContext): Promise<unknown> =>
    runtime.sql.begin(async (tx) => {
      ctx.sql = tx
      const key = spec.idempotent ? ctx.request.headers['idempotency-key'] : undefined
      if (typeof key !== 'string') return run(ctx)
      const caller = principalId(ctx.principal) ?? ctx.request.ip
      const work = async () => ({ response: await run(ctx), status: ctx.reply.statusCode })
      return (await once(tx, { key, caller, operation: name, body: ctx.body }, work)).response
    })

  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const found = identify(runtime.verifier, request)
    const principal = found instanceof Promise ? await found : found
    admit(spec.allow, principal, runtime.manifest.name, operation)
    ;(request as { userId?: string }).userId = principalId(principal) ?? undefined
    reply.code(status)
    const ctx = new RequestContext(runtime, request, reply, principal, runtime.sql)
    const result = await (transactional ? inTransaction(ctx) : run(ctx))
    check?.(reply.statusCode, result)
    if (reply.sent) return reply
    return reply.statusCode === 204 || reply.statusCode === 302 ? reply.send() : reply.send(result)
  }
}
