-- Failed attempts to log in, so that guessing becomes slow; see services/login_attempts.rs.
create table login_attempts (
    -- What the failures count for: `name N`, one of 1,048,576 numbers that are made from the name, so that
    -- the table is bounded and has no text that a client typed; or `USER NETWORK` or `USER session`.
    counter text constraint login_attempts_pkey primary key check (length(counter) <= 90),
    -- An attempt counts when it begins, and is taken back when it succeeds.
    failures integer not null,
    -- Attempts before this time are rejected. Null if there is no delay.
    retry_at timestamptz,
    -- When the failures are forgotten. Later failures remove such rows.
    forget_at timestamptz not null
)
-- Every attempt rewrites its row; see `users`.
with (fillfactor = 80);

create index login_attempts_forget_at on login_attempts (forget_at);

-- Networks from which users have logged in. Attempts from there count apart, so that a client elsewhere
-- cannot lock a user out. The service keeps the latest 16 of each user.
create table login_networks (
    user_id uuid constraint login_networks_user_id_fkey references users (id) on delete cascade,
    -- Such as 192.0.2.0/24 or 2001:db8::/64.
    network text constraint login_networks_network_length check (length(network) <= 50),
    used_at timestamptz not null default now(),
    constraint login_networks_pkey primary key (user_id, network)
);
