-- Sessions that have ended. Adapters may differ in how long their tokens live, so a row says when
-- the session ended, and each adapter counts from there.
create table if not exists ended_sessions (
    id text constraint ended_sessions_pkey primary key,
    ended_at timestamptz not null default now()
);

create index if not exists ended_sessions_ended_at on ended_sessions (ended_at);
