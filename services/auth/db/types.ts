// Generated from the migrated database by `npm run generate`. Do not edit.

export interface ApiTokensRow {
  id: string
  user_id: string | null
  name: string
  hash: Buffer
  hint: string
  scopes: string[]
  created_by: string | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  revoked_at: string | null
}

export interface AvatarsRow {
  user_id: string
  media_type: string
  bytes: Buffer
  hash: string
}

export interface ChallengesRow {
  hash: Buffer
  kind: string
  user_id: string | null
  data: any
  expires_at: string
}

export interface FailureCountersRow {
  scope: string
  key: string
  failures: number
  first_at: string
  last_at: string
}

export interface GroupMembersRow {
  group_id: string
  user_id: string
  added_at: string
}

export interface GroupsRow {
  id: string
  name: string
  title: string
  description: string
  permissions: string[]
  version: number
  created_at: string
  updated_at: string
}

export interface IdentitiesRow {
  provider: string
  subject: string
  user_id: string
  email: string | null
  created_at: string
  last_used_at: string
}

export interface InvitationsRow {
  id: string
  email: string
  role: string
  groups: string[]
  token_hash: Buffer
  invited_by: string | null
  created_at: string
  expires_at: string
  accepted_at: string | null
  revoked_at: string | null
}

export interface MailTokensRow {
  hash: Buffer
  purpose: string
  user_id: string | null
  email: string | null
  data: any
  created_at: string
  expires_at: string
}

export interface PasskeysRow {
  id: string
  user_id: string
  credential_id: string
  public_key: Buffer
  counter: number
  transports: string[]
  backed_up: boolean
  name: string
  created_at: string
  last_used_at: string | null
}

export interface RecoveryCodesRow {
  user_id: string
  hash: Buffer
  used_at: string | null
}

export interface RefreshTokensRow {
  hash: Buffer
  session_id: string
  user_agent: string
  issued_at: string
  used_at: string | null
  successor_hash: Buffer | null
}

export interface RevocationsRow {
  seq: number
  revoked_id: string
  at: string
}

export interface SessionsRow {
  id: string
  user_id: string
  secret_hash: Buffer | null
  methods: string[]
  user_agent: string
  address: string | null
  started_at: string
  authenticated_at: string
  last_seen_at: string
  ended_at: string | null
  end_reason: string | null
}

export interface SigningKeysRow {
  kid: string
  state: string
  since: string
  public_jwk: any
  sealed_private_jwk: string
}

export interface TotpFactorsRow {
  user_id: string
  sealed_secret: string
  confirmed_at: string | null
  last_step: number
}

export interface UsersRow {
  id: string
  email: string
  email_verified_at: string | null
  full_name: string
  role: string
  password_hash: string | null
  password_changed_at: string | null
  locale: string
  time_zone: string
  search: string
  disabled_at: string | null
  last_login_at: string | null
  version: number
  created_at: string
  updated_at: string
}
