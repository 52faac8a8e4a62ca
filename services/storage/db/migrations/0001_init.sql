create extension if not exists pg_trgm;
create extension if not exists unaccent;

-- How names are searched: without case and accents. unaccent alone is only "stable", because its dictionary could be
-- exchanged; an index needs more, and nobody exchanges it.
create function search_text(text) returns text language sql immutable strict parallel safe
  return lower(public.unaccent('public.unaccent'::regdictionary, $1));

-- Who keeps files: a person, or a service under its own name. The sums are kept by the triggers below.
create table quotas (
  user_id text primary key,
  -- null: what the installation gives to everybody
  quota_bytes bigint check (quota_bytes >= 0),
  used_bytes bigint not null default 0 check (used_bytes >= 0),
  entry_count bigint not null default 0 check (entry_count >= 0),
  created_at timestamptz(3) not null default now()
);

-- Contents, by their checksum; the bytes are in the blob store. Several versions may share one.
create table blobs (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  size bigint not null check (size >= 0),
  scan text not null check (scan in ('unscanned', 'pending', 'clean', 'infected')),
  signature text,
  scanned_at timestamptz(3),
  created_at timestamptz(3) not null default now()
);
create index blobs_to_scan on blobs (created_at) where scan in ('pending', 'unscanned');

-- Files and folders. A tree belongs to one owner, whoever put things into it.
create table entries (
  id uuid primary key,
  owner_id text not null references quotas,
  kind text not null check (kind in ('file', 'folder')),
  -- null: at the top
  parent_id uuid references entries on delete cascade,
  -- ids from the topmost folder down to the entry itself: what shares and tree operations go by
  path uuid[] not null check (path[array_upper(path, 1)] = id),
  name text not null check (octet_length(name) between 1 and 255),
  version integer not null default 1,
  -- of a file: its current version
  revision integer,
  sha256 text references blobs,
  size bigint,
  content_type text,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  -- what is in the trash is a tree of its own; trashed_from is the folder that its top was in
  trashed_at timestamptz(3),
  trashed_from uuid,
  check ((kind = 'file') = (revision is not null)),
  check ((revision is null) = (sha256 is null) and (revision is null) = (size is null)
    and (revision is null) = (content_type is null))
);
create unique index entries_name on entries (owner_id, parent_id, name) nulls not distinct where trashed_at is null;
create index entries_parent on entries (parent_id);
create index entries_tree on entries using gin (path);
create index entries_search on entries using gin (search_text(name) gin_trgm_ops) where trashed_at is null;
create index entries_trash on entries (owner_id, id) where trashed_at is not null and parent_id is null;
create index entries_trash_age on entries (trashed_at) where trashed_at is not null and parent_id is null;
create index entries_blob on entries (sha256);

create table versions (
  file_id uuid not null references entries on delete cascade,
  number integer not null check (number >= 1),
  owner_id text not null references quotas,
  sha256 text not null references blobs,
  size bigint not null,
  content_type text not null,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  primary key (file_id, number)
);
create index versions_blob on versions (sha256);
-- A file's current version exists. Checked at the end of a transaction, as the two rows refer to each other.
alter table entries add foreign key (id, revision) references versions (file_id, number) deferrable initially deferred;

create function count_bytes() returns trigger language plpgsql as $$
begin
  update quotas q set used_bytes = used_bytes + case tg_op when 'INSERT' then c.bytes else -c.bytes end
  from (select owner_id, sum(size)::bigint as bytes from changed group by owner_id) c where q.user_id = c.owner_id;
  return null;
end $$;
create trigger versions_added after insert on versions referencing new table as changed
  for each statement execute function count_bytes();
create trigger versions_removed after delete on versions referencing old table as changed
  for each statement execute function count_bytes();

create function count_entries() returns trigger language plpgsql as $$
begin
  update quotas q set entry_count = entry_count + case tg_op when 'INSERT' then c.n else -c.n end
  from (select owner_id, count(*) as n from changed group by owner_id) c where q.user_id = c.owner_id;
  return null;
end $$;
create trigger entries_added after insert on entries referencing new table as changed
  for each statement execute function count_entries();
create trigger entries_removed after delete on entries referencing old table as changed
  for each statement execute function count_entries();

-- Small pictures of contents. sha256 null: there cannot be one.
create table thumbnails (
  source text not null references blobs on delete cascade,
  size integer not null,
  sha256 text references blobs,
  primary key (source, size)
);
create index thumbnails_blob on thumbnails (sha256);

-- Addresses by which anybody may download one entry.
create table links (
  id uuid primary key,
  entry_id uuid not null references entries on delete cascade,
  token_hash text not null unique,
  password_hash text,
  expires_at timestamptz(3),
  downloads_max integer check (downloads_max > 0),
  downloads integer not null default 0,
  failures integer not null default 0,
  locked_until timestamptz(3),
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  check (downloads <= downloads_max)
);
create index links_entry on links (entry_id, id);
