import type { Transport } from '@ait/kit'
import type { Member } from '../domain/members.ts'
import { route } from '../kit.ts'

type Checked = {
  status: 'ok' | 'down' | 'absent'
  latency_ms: number | null
  expected: boolean
  detail?: string
}

const deadlineMs = 2000

export const getHealth = route('getHealth', async (ctx) => {
  const { members, version } = ctx.deps
  const entries = await Promise.all(
    members().map(async (member) => [member.name, await check(ctx, member)] as const),
  )
  const down = entries.some(([, { status, expected }]) => expected && status !== 'ok')
  if (down) ctx.reply.code(503)
  return {
    status: down ? ('down' as const) : ('ok' as const),
    service: 'gateway',
    version,
    services: Object.fromEntries(entries),
  }
})

/** Readiness of one service. One that nobody expects may be away. */
async function check(
  { transport }: { transport: Transport },
  { name: service, isExpected: expected, isAsked }: Member,
): Promise<Checked> {
  if (!isAsked) return { status: 'absent', latency_ms: null, expected }
  const start = performance.now()
  try {
    const answer = await transport({ service, method: 'GET', path: '/health/ready', timeoutMs: deadlineMs })
    const latency_ms = Math.round((performance.now() - start) * 10) / 10
    if (answer.status === 200) return { status: 'ok', latency_ms, expected }
    return { status: 'down', latency_ms, expected, detail: `answers ${answer.status}` }
  } catch {
    return { status: expected ? 'down' : 'absent', latency_ms: null, expected, detail: 'does not answer' }
  }
}
