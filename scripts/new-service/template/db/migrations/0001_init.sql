create table items (
  id uuid primary key,
  owner_id text not null,
  title text not null check (length(title) between 1 and 200),
  body text not null default '',
  done boolean not null default false,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index items_owner on items (owner_id, id);
create index items_done on items (updated_at) where done;
