create extension if not exists pg_trgm;

-- Addresses are stored normalised (domain/email.ts), so that plain equality is identity.
create table users (
  id uuid primary key,
  email text not null unique,
  email_verified_at timestamptz(3),
  full_name text not null,
  role text not null default 'user' check (role in ('admin', 'user', 'guest')),
  -- argon2id in PHC form; null for people who sign in by a provider or a passkey only.
  password_hash text,
  password_changed_at timestamptz(3),
  locale text not null default 'en',
  time_zone text not null default 'UTC',
  -- Name and address in lower case without accents, for the directory.
  search text not null,
  disabled_at timestamptz(3),
  last_login_at timestamptz(3),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index users_search on users using gin (search gin_trgm_ops);
create index users_name on users (full_name, id);
create index users_admins on users (id) where role = 'admin' and disabled_at is null;

create table avatars (
  user_id uuid primary key references users on delete cascade,
  media_type text not null,
  bytes bytea not null,
  hash text not null
);

create table groups (
  id uuid primary key,
  -- In tokens and shares, so it never changes; people see the title.
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9-]*$'),
  title text not null,
  description text not null default '',
  permissions text[] not null default '{}',
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create table group_members (
  group_id uuid not null references groups on delete cascade,
  user_id uuid not null references users on delete cascade,
  added_at timestamptz(3) not null default now(),
  primary key (group_id, user_id)
);
create index group_members_user on group_members (user_id);

-- A session is also the family of its refresh tokens. One with a secret lives in a browser's cookie.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  secret_hash bytea unique,
  -- How the person proved who they are: password, totp, recovery_code, passkey, or a provider's name.
  methods text[] not null,
  user_agent text not null,
  address text,
  started_at timestamptz(3) not null,
  -- When the person last proved who they are; sensitive changes want this to be recent.
  authenticated_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  ended_at timestamptz(3),
  end_reason text
);
create index sessions_user on sessions (user_id, last_seen_at desc) where ended_at is null;
create index sessions_age on sessions (last_seen_at);

create table refresh_tokens (
  hash bytea primary key,
  session_id uuid not null references sessions on delete cascade,
  user_agent text not null,
  issued_at timestamptz(3) not null,
  used_at timestamptz(3),
  successor_hash bytea
);
create index refresh_tokens_session on refresh_tokens (session_id);
create index refresh_tokens_age on refresh_tokens (issued_at);

-- Sessions and tokens that ended early. Rows get their number in commit order (see db/revocations.ts).
create table revocations (
  seq bigint generated always as identity primary key,
  revoked_id text not null,
  at timestamptz(3) not null default now()
);

create table signing_keys (
  kid text primary key,
  state text not null check (state in ('next', 'current', 'retired')),
  since timestamptz(3) not null,
  public_jwk jsonb not null,
  sealed_private_jwk text not null
);
create unique index signing_keys_one_current on signing_keys (state) where state = 'current';
create unique index signing_keys_one_next on signing_keys (state) where state = 'next';

-- Failed guesses, see domain/throttle.ts. Keys are hashes of addresses and accounts.
create table failure_counters (
  scope text not null,
  key text not null,
  failures integer not null,
  first_at timestamptz(3) not null,
  last_at timestamptz(3) not null,
  primary key (scope, key)
);
create index failure_counters_age on failure_counters (last_at);

-- Something that was begun and waits for its second half: a code, an answer of a provider or a passkey.
create table challenges (
  hash bytea primary key,
  kind text not null check (kind in ('mfa', 'oauth', 'login_code', 'passkey_registration', 'passkey_login')),
  user_id uuid references users on delete cascade,
  data jsonb not null,
  expires_at timestamptz(3) not null
);
create index challenges_age on challenges (expires_at);

-- Links sent by mail, each good once.
create table mail_tokens (
  hash bytea primary key,
  purpose text not null check (purpose in ('register', 'verify_email', 'change_email', 'reset_password', 'setup')),
  user_id uuid references users on delete cascade,
  email text,
  -- With 'register' the account that will be made.
  data jsonb not null default '{}',
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null
);
create index mail_tokens_age on mail_tokens (expires_at);
create index mail_tokens_user on mail_tokens (user_id, purpose);

create table invitations (
  id uuid primary key,
  email text not null,
  role text not null check (role in ('admin', 'user', 'guest')),
  groups text[] not null default '{}',
  token_hash bytea not null unique,
  invited_by uuid references users on delete set null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  accepted_at timestamptz(3),
  revoked_at timestamptz(3)
);
create unique index invitations_one_open on invitations (email) where accepted_at is null and revoked_at is null;

create table totp_factors (
  user_id uuid primary key references users on delete cascade,
  sealed_secret text not null,
  confirmed_at timestamptz(3),
  -- The last time step that was used: no code counts twice.
  last_step bigint not null default 0
);

create table recovery_codes (
  user_id uuid not null references users on delete cascade,
  hash bytea not null,
  used_at timestamptz(3),
  primary key (user_id, hash)
);

create table passkeys (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  credential_id text not null unique,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  backed_up boolean not null,
  name text not null,
  created_at timestamptz(3) not null default now(),
  last_used_at timestamptz(3)
);
create index passkeys_user on passkeys (user_id);

create table identities (
  provider text not null,
  subject text not null,
  user_id uuid not null references users on delete cascade,
  email text,
  created_at timestamptz(3) not null default now(),
  last_used_at timestamptz(3) not null default now(),
  primary key (provider, subject),
  unique (user_id, provider)
);

-- Personal access tokens act as their owner; service tokens (no owner) act for themselves.
create table api_tokens (
  id uuid primary key,
  user_id uuid references users on delete cascade,
  name text not null,
  hash bytea not null unique,
  -- The first characters, to recognise it by.
  hint text not null,
  scopes text[] not null,
  created_by uuid references users on delete set null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3),
  last_used_at timestamptz(3),
  revoked_at timestamptz(3)
);
create index api_tokens_user on api_tokens (user_id, id);
