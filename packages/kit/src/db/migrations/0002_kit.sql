-- Who sends to a subscriber now, and how long to leave it alone when it cannot be reached: a replica
-- that has the lease sends in order, and one that dies gives the lane back when the lease ends.
create table kit.lanes (
  subscriber text primary key,
  leased_until timestamptz(3) not null default now(),
  next_at timestamptz(3) not null default now(),
  failures integer not null default 0
);
drop index kit.deliveries_due;
create index deliveries_waiting on kit.deliveries (subscriber, event_id) where dead_at is null;
create index deliveries_dead on kit.deliveries (dead_at, event_id) where dead_at is not null;
create index events_age on kit.events (time);

-- A repeat gets the headers of the first answer too.
alter table kit.idempotency add column headers jsonb not null default '{}';

-- The audit log cannot be emptied either, and replication roles are no way around.
create trigger audit_is_not_emptied before truncate on kit.audit
  for each statement execute function kit.refuse_change();
alter table kit.audit enable always trigger audit_is_append_only;
alter table kit.audit enable always trigger audit_is_not_emptied;
