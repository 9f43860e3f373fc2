-- Messages to peers, written by `postgres.transact` and removed once they are delivered.
create table if not exists outbox (
    id uuid constraint outbox_pkey primary key,
    peer text not null,
    path text not null,
    body text not null,
    idempotency_key text not null,
    -- The component may write here itself, and the adapter reads what it finds.
    constraint outbox_sizes check (octet_length(peer) + octet_length(path) <= 10000
        and octet_length(body) <= 262144 and octet_length(idempotency_key) <= 200),
    created_at timestamptz not null default now(),
    attempts integer not null default 0,
    -- Moved forward when the message is taken for delivery, so that a relay that dies with it
    -- only delays it.
    next_attempt_at timestamptz not null default now(),
    -- Set when the peer refused the message for good: it stays for a person to look at.
    refused_at timestamptz,
    refusal text
);

create index if not exists outbox_due on outbox (next_attempt_at) where refused_at is null;
