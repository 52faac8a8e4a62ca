import type { Static } from '@ait/kit'
import type { DirectoryEntry, User } from '../contract/schemas.ts'
import type { Account } from '../db/users.ts'

/** An account as its owner and administrators see it. */
export function toUser(account: Account): Static<typeof User> {
  const { id, email, full_name, locale, time_zone, groups, permissions, mfa_enabled } = account
  return {
    id,
    email,
    full_name,
    locale,
    time_zone,
    groups,
    permissions,
    mfa_enabled,
    role: account.role as 'admin' | 'user' | 'guest',
    email_verified: account.email_verified_at !== null,
    avatar_url: avatarUrl(account),
    disabled: account.disabled_at !== null,
    last_login_at: account.last_login_at,
    created_at: account.created_at,
    version: account.version,
  }
}

/** An account as everybody may see it. */
export function toDirectoryEntry(account: Account): Static<typeof DirectoryEntry> {
  const { id, full_name, email } = account
  return { id, full_name, email, avatar_url: avatarUrl(account) }
}

/** The hash makes it another address when the picture changes, so that browsers may keep it for ever. */
function avatarUrl({ id, avatar_hash }: Account): string | null {
  return avatar_hash && `/api/v1/auth/users/${id}/avatar?v=${avatar_hash}`
}

/** Data of the events about a person. */
export function toPersonEvent(account: Account) {
  const { id, email, full_name, role, locale, time_zone, version } = account
  return { id, email, full_name, role, locale, time_zone, disabled: account.disabled_at !== null, version }
}
