import { createHash, randomBytes } from 'node:crypto'
import { del, get, put, type Operation } from '../contract/operation.ts'
import { Id, named, nullable, PageOf, Page, T, Timestamp } from '../contract/schema.ts'
import { problems } from '../http/problems.ts'
import { newId } from '../id.ts'
import type { Route } from '../service/define.ts'
import { principalId } from './principal.ts'

const subjectTypes = ['user', 'group', 'link', 'everyone'] as const
const roles = ['viewer', 'commenter', 'editor', 'manager'] as const

export const Share = named(
  'Share',
  T.Object({
    id: Id,
    resource_type: T.String(),
    resource_id: Id,
    subject_type: T.Enum([...subjectTypes]),
    subject_id: T.String(),
    role: T.Enum([...roles]),
    created_by: T.String(),
    created_at: Timestamp,
    expires_at: nullable(Timestamp),
    token: T.Optional(T.String({ description: 'Of a link, shown once: send it as X-Share-Token' })),
  }),
)

const NewShare = T.Object({
  subject_type: T.Enum([...subjectTypes]),
  subject_id: T.Optional(T.String({ minLength: 1, maxLength: 200, description: 'User id or group name' })),
  role: T.Enum([...roles]),
  expires_at: T.Optional(nullable(Timestamp)),
})

const uuid = '01890a5d-ac96-774b-bcce-b302099a8057'

/** The three operations by which people share a resource: spread them into the contract. */
export function shareOperations<const Type extends string>(type: Type, path: string): ShareOperations<Type> {
  const allow = `${type}.share` as `${string}.${string}`
  const params = T.Object({ id: Id })
  const operations = {
    [`list${capital(type)}Shares`]: get(`${path}/:id/shares`, {
      summary: `Who a ${type} is shared with`,
      allow,
      params,
      query: Page(),
      200: PageOf(Share),
      example: { params: { id: uuid } },
    }),
    [`share${capital(type)}`]: put(`${path}/:id/shares`, {
      summary: `Share a ${type}, or change the role that was shared`,
      allow,
      params,
      body: NewShare,
      200: Share,
      example: { params: { id: uuid }, body: { subject_type: 'user', subject_id: uuid, role: 'viewer' } },
    }),
    [`unshare${capital(type)}`]: del(`${path}/:id/shares/:share_id`, {
      summary: `Stop sharing a ${type}`,
      allow,
      params: T.Object({ id: Id, share_id: Id }),
      204: T.Void(),
      example: { params: { id: uuid, share_id: uuid } },
    }),
  }
  return operations as unknown as ShareOperations<Type>
}

type ShareOperations<Type extends string> = Record<
  `list${Capitalize<Type>}Shares` | `share${Capitalize<Type>}` | `unshare${Capitalize<Type>}`,
  Operation
>
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** Their handlers: spread them into the service's routes. */
export function shareRoutes(type: string): Route[] {
  return [
    {
      operation: `list${capital(type)}Shares`,
      handler: async (ctx) => {
        await ctx.find(type, ctx.params.id, 'share')
        const rows = await ctx.sql`
          select * from kit.shares where resource_type = ${type} and resource_id = ${ctx.params.id}
            and id > ${ctx.page.after?.[0] ?? '00000000-0000-0000-0000-000000000000'}
          order by id limit ${ctx.page.limit + 1}`
        return ctx.pageOf(rows as any[], (row: { id: string }) => [row.id])
      },
    },
    { operation: `share${capital(type)}`, handler: (ctx) => share(ctx, type) },
    {
      operation: `unshare${capital(type)}`,
      handler: async (ctx) => {
        await ctx.find(type, ctx.params.id, 'share')
        const [gone] = await ctx.sql`
          delete from kit.shares where id = ${ctx.params.share_id} and resource_id = ${ctx.params.id}
            and resource_type = ${type} returning id`
        if (!gone) throw problems.notFound()
        await ctx.audit(`${type}.unshared`, { type, id: ctx.params.id }, { share_id: ctx.params.share_id })
      },
    },
  ]
}

async function share(ctx: any, type: string): Promise<unknown> {
  await ctx.find(type, ctx.params.id, 'share')
  const { subject_type, role, expires_at = null } = ctx.body
  // A role that may do nothing would show the resource in lists and not open it.
  if (!ctx.grants(type, role)) throw problems.invalid(['body', 'role'], `is not a role of a ${type}`, 'enum')
  const token = subject_type === 'link' ? randomBytes(24).toString('base64url') : undefined
  const subject = token ? linkId(token) : subject_type === 'everyone' ? '*' : ctx.body.subject_id
  if (!subject) throw problems.invalid(['body', 'subject_id'], 'is required for a user or a group', 'missing')
  const [row] = await ctx.sql`
    insert into kit.shares (id, resource_type, resource_id, subject_type, subject_id, role, created_by, expires_at)
    values (${newId()}, ${type}, ${ctx.params.id}, ${subject_type}, ${subject}, ${role},
      ${principalId(ctx.principal)}, ${expires_at})
    on conflict (resource_id, resource_type, subject_type, subject_id)
      do update set role = excluded.role, expires_at = excluded.expires_at
    returning *`
  await ctx.audit(`${type}.shared`, { type, id: ctx.params.id }, { subject_type, subject_id: subject, role })
  return token ? { ...row, token } : row
}

/** How a link's token is kept: a hash, so that the table gives no access away. */
export const linkId = (token: string): string => createHash('sha256').update(token).digest('hex')
