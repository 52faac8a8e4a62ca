import { principalId } from '@ait/kit'

import { freeBytes } from '../domain/quota.ts'
import { findQuota, listQuotas as allQuotas, setQuota as saveQuota } from '../db/quotas.ts'
import type { QuotasRow } from '../db/types.ts'
import type { Config } from '../deps.ts'
import { route } from '../kit.ts'

export const getQuota = route('getQuota', async (ctx) => {
  const user_id = principalId(ctx.principal) as string
  const row = await findQuota(ctx.sql, user_id)
  return presentQuota(row ?? { user_id, quota_bytes: null, used_bytes: 0, entry_count: 0 }, ctx.config)
})

export const listQuotas = route('listQuotas', async (ctx) => {
  const page = ctx.pageOf(await allQuotas(ctx.sql, ctx.page), (row) => [row.user_id])
  return { ...page, items: page.items.map((row) => presentQuota(row, ctx.config)) }
})

export const setQuota = route('setQuota', async (ctx) => {
  const { user_id } = ctx.params
  const row = await saveQuota(ctx.sql, user_id, ctx.body.quota_bytes)
  await ctx.audit('quota.set', { type: 'quota', id: user_id }, { quota_bytes: ctx.body.quota_bytes })
  return presentQuota(row, ctx.config)
})

function presentQuota(row: Omit<QuotasRow, 'created_at'>, config: Config) {
  const { user_id, used_bytes, entry_count } = row
  const quota_bytes = row.quota_bytes ?? config.STORAGE_QUOTA_BYTES
  return { user_id, quota_bytes, used_bytes, free_bytes: freeBytes({ quota_bytes, used_bytes }), entry_count }
}
