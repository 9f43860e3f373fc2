-- Sessions: what a login begins, and what its access token belongs to. That a token of an ended
-- session is refused does not depend on this table (the adapter knows it); it is what users see.
create table sessions (
    -- UUIDv7, made by the service: it is in the token, which is issued before the row is written.
    id uuid constraint sessions_pkey primary key,
    -- The service leaves it null when the account changed while the login was under way, and branches
    -- on this name; `not null` has none.
    user_id uuid constraint sessions_user_known check (user_id is not null)
        constraint sessions_user_id_fkey references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    -- Correct to a minute.
    last_used_at timestamptz not null default now(),
    -- When its token expires. Afterwards the row is of no use, and later logins remove it.
    expires_at timestamptz not null,
    -- Null until it is ended.
    ended_at timestamptz,
    -- What the client says it is; the service cuts it to this length.
    user_agent text constraint sessions_user_agent_length check (length(user_agent) <= 256),
    -- Who was at the other end of the connection: text of an IP address.
    address text constraint sessions_address_length check (length(address) <= 45)
)
-- Its use is noted every minute; see `users`.
with (fillfactor = 80);

-- A user's sessions, newest first.
create index sessions_user_id on sessions (user_id, created_at desc, id desc);

-- Those that have expired.
create index sessions_expires_at on sessions (expires_at);
