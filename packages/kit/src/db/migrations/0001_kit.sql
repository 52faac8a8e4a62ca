-- What every service's database has beside its own tables.

create table kit.events (
  id uuid primary key,
  type text not null,
  subject text not null,
  data jsonb not null,
  time timestamptz(3) not null default now()
);

-- A delivery per subscriber; a row disappears when the subscriber has taken the event.
create table kit.deliveries (
  event_id uuid not null references kit.events on delete cascade,
  subscriber text not null,
  attempts integer not null default 0,
  refusals integer not null default 0,
  next_at timestamptz(3) not null default now(),
  dead_at timestamptz(3),
  last_error text,
  primary key (event_id, subscriber)
);
create index deliveries_due on kit.deliveries (next_at) where dead_at is null;

-- Events that were taken from others: a repeat does nothing.
create table kit.inbox (
  event_id uuid primary key,
  received_at timestamptz(3) not null default now()
);

create table kit.idempotency (
  key text not null,
  caller text not null,
  operation text not null,
  body_hash text not null,
  status integer not null,
  response jsonb,
  created_at timestamptz(3) not null default now(),
  primary key (caller, operation, key)
);
create index idempotency_age on kit.idempotency (created_at);

create table kit.audit (
  id uuid primary key,
  at timestamptz(3) not null default now(),
  actor_kind text not null,
  actor_id text,
  action text not null,
  resource_type text,
  resource_id text,
  address text,
  agent text,
  request_id text,
  detail jsonb not null default '{}'
);
create index audit_resource on kit.audit (resource_type, resource_id, id);
create index audit_actor on kit.audit (actor_id, id);

create function kit.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log only grows';
end $$;
create trigger audit_is_append_only before update or delete on kit.audit
  for each statement execute function kit.refuse_change();

create table kit.shares (
  id uuid primary key,
  resource_type text not null,
  resource_id uuid not null,
  subject_type text not null check (subject_type in ('user', 'group', 'link', 'everyone')),
  subject_id text not null,
  role text not null check (role in ('viewer', 'commenter', 'editor', 'manager')),
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3),
  unique (resource_id, resource_type, subject_type, subject_id)
);
create index shares_subject on kit.shares (subject_type, subject_id, resource_type);
