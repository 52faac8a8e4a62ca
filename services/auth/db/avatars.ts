import type { Sql } from '@ait/kit'
import type { AvatarsRow } from './types.ts'

export const findAvatar = async (sql: Sql, userId: string): Promise<AvatarsRow | undefined> =>
  (await sql<AvatarsRow[]>`select * from avatars where user_id = ${userId}`)[0]

export const saveAvatar = (sql: Sql, avatar: AvatarsRow) => sql`
  insert into avatars (user_id, media_type, bytes, hash)
  values (${avatar.user_id}, ${avatar.media_type}, ${avatar.bytes}, ${avatar.hash})
  on conflict (user_id) do update
    set media_type = excluded.media_type, bytes = excluded.bytes, hash = excluded.hash`

export const deleteAvatarRow = async (sql: Sql, userId: string): Promise<boolean> =>
  (await sql`delete from avatars where user_id = ${userId} returning user_id`).length > 0
