create table notes (
  id uuid primary key,
  owner_id text not null,
  title text not null,
  body text not null,
  done boolean not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
