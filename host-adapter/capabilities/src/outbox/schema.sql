-- Messages to peers. `postgres.transact` writes them, and the adapter deletes them after delivery.
create table if not exists outbox (
    id uuid constraint outbox_pkey primary key,
    peer text not null,
    path text not null,
    body text not null,
    idempotency_key text not null,
    -- The component can write to this table itself, so the limits are checked here too.
    constraint outbox_sizes check (octet_length(peer) + octet_length(path) <= 10000
        and octet_length(body) <= 262144 and octet_length(idempotency_key) <= 200),
    created_at timestamptz not null default now(),
    attempts integer not null default 0,
    -- Moved forward when the message is leased for delivery. If the relay is killed, the message is
    -- only delayed.
    next_attempt_at timestamptz not null default now(),
    -- Set when the delivery failed and is not repeated. The row is kept for a person to read.
    refused_at timestamptz,
    -- Why the last delivery failed, with the peer's problem if it answered with one.
    refusal text
);

-- Later columns. An `alter table` that changes nothing would still wait for every transaction, so it is
-- not run.
do $$ begin
    -- The position in the trace of the request that sent the message (W3C Trace Context), if it is
    -- recorded.
    if not exists (select from pg_attribute where attrelid = 'outbox'::regclass and attname = 'traceparent') then
        alter table outbox add column traceparent text
            constraint outbox_traceparent check (octet_length(traceparent) <= 100);
    end if;
    -- The ordering key, the order in which messages were stored, and the relay that delivers the message.
    if not exists (select from pg_attribute where attrelid = 'outbox'::regclass and attname = 'number') then
        alter table outbox
            add column key text constraint outbox_key check (octet_length(key) <= 200),
            add column number bigint generated always as identity,
            add column leased_by uuid;
    end if;
    -- When a person asked to deliver the message again. Its age counts from then.
    if not exists (select from pg_attribute where attrelid = 'outbox'::regclass and attname = 'retried_at') then
        alter table outbox add column retried_at timestamptz;
    end if;
    -- `create index if not exists` would wait for every writer, too.
    if to_regclass('outbox_due') is null then
        create index outbox_due on outbox (next_attempt_at) where refused_at is null;
    end if;
    if to_regclass('outbox_of_peer') is null then
        create index outbox_of_peer on outbox (peer, next_attempt_at) where refused_at is null;
    end if;
    if to_regclass('outbox_of_key') is null then
        create index outbox_of_key on outbox (peer, key, number) where refused_at is null and key is not null;
    end if;
    if to_regclass('outbox_dead') is null then
        create index outbox_dead on outbox (refused_at) where refused_at is not null;
    end if;
end $$;
