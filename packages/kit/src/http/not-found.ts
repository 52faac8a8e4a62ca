import type { FastifyReply, FastifyRequest } from 'fastify'
import { pathOf, type Contract } from '../contract/contract.ts'
import { sendError } from './errors.ts'
import { problems } from './problems.ts'

/** 405 with `Allow` when the path is there for other methods (RFC 9110, 15.5.6), else 404. */
export function notFoundHandler(contract: Contract) {
  const known = Object.values(contract.operations).map((operation) => ({
    method: operation.method,
    steps: pathOf(contract, operation).split('/'),
  }))
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?', 1)[0] as string
    const steps = path.replace(/(.)\/$/, '$1').split('/')
    const found = known.filter((operation) => matches(operation.steps, steps)).map(({ method }) => method)
    const allowed = new Set(found.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
    const problem = allowed.size === 0 ? problems.notFound() : problems.methodNotAllowed([...allowed])
    return sendError(problem, request, reply)
  }
}

function matches(pattern: readonly string[], steps: readonly string[]): boolean {
  const open = pattern.at(-1) === '*'
  if (open ? steps.length < pattern.length : steps.length !== pattern.length) return false
  return pattern.every(
    (step, i) => step === '*' || step === steps[i] || (step.startsWith(':') && steps[i] !== ''),
  )
}
