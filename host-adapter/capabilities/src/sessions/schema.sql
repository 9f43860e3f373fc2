-- Revoked sessions. The lifetime of tokens may differ between adapters, so a row has the time at which
-- the session was revoked, and each adapter adds its own lifetime.
create table if not exists ended_sessions (
    id text constraint ended_sessions_pkey primary key,
    ended_at timestamptz not null default now()
);

create index if not exists ended_sessions_ended_at on ended_sessions (ended_at);
