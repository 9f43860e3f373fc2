-- The envelopes that adapters on this database have opened, each until no adapter accepts it any more. The
-- table is not logged: a crash of PostgreSQL empties it, and a standby does not have it. Each adapter still
-- knows what it has opened itself, and nothing has to reach a disk before a request is served.
create unlogged table if not exists opened_envelopes (
    id uuid constraint opened_envelopes_pkey primary key,
    forget_at timestamptz not null
);

create index if not exists opened_envelopes_forget_at on opened_envelopes (forget_at);
