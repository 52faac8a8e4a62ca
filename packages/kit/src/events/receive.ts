import { isSuite } from '../access/principal.ts'
import { post } from '../contract/operation.ts'
import { T } from '../contract/schema.ts'
import { unitOf } from '../http/context.ts'
import { problems } from '../http/problems.ts'
import type { Route, Subscription } from '../service/define.ts'
import type { Runtime } from '../service/runtime.ts'
import type { CloudEvent } from './outbox.ts'

const CloudEventSchema = T.Object(
  {
    specversion: T.Literal('1.0'),
    id: T.String({ format: 'uuid' }),
    source: T.String(),
    type: T.String(),
    subject: T.String(),
    time: T.String({ format: 'date-time' }),
    datacontenttype: T.Optional(T.String()),
    data: T.Unknown(),
  },
  { additionalProperties: true },
)

/** `POST /internal/events`: where the other services' events arrive. */
export const receiveOperations = {
  receiveEvent: post('~/internal/events', {
    summary: 'Take an event of another service (CloudEvents 1.0)',
    allow: 'service',
    body: CloudEventSchema,
    204: T.Void(),
    transaction: 'manual',
    example: {
      body: {
        specversion: '1.0',
        id: '01890a5d-ac96-774b-bcce-b302099a8057',
        source: '/services/auth',
        type: 'auth.user.registered.v1',
        subject: '01890a5d-ac96-774b-bcce-b302099a8057',
        time: '2026-01-28T10:00:00.000Z',
        data: {},
      },
    },
  }),
}

/**
 * The receipt and the handler's writes commit together, so a repeat finds the receipt and does
 * nothing. A service without a database handles what comes, as often as it comes.
 */
export function receiveRoute(runtime: Runtime, subscriptions: readonly Subscription[]): Route {
  const handlers = new Map(subscriptions.map((subscription) => [subscription.type, subscription.handler]))
  return {
    operation: 'receiveEvent',
    async handler(ctx) {
      // Else a token of an outside service could make up what has happened in another.
      if (!isSuite(ctx.principal)) throw problems.forbidden()
      const event: CloudEvent = ctx.body
      const handler = handlers.get(event.type)
      if (!handler) throw problems.invalid(['body', 'type'], `${event.type} is not subscribed to`)
      if (runtime.manifest.database === null) {
        await handler(event, unitOf(runtime, runtime.sql, ctx.origin, ctx.log))
        return
      }
      await runtime.sql.begin(async (tx) => {
        const [fresh] = await tx`
          insert into kit.inbox (event_id) values (${event.id}) on conflict do nothing returning event_id`
        if (fresh) await handler(event, unitOf(runtime, tx, ctx.origin, ctx.log))
      })
    },
  }
}
