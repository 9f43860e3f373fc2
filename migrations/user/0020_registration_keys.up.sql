-- The answers to registrations with an `Idempotency-Key`, written with the user. A repetition gets the answer
-- again, and another registration with the same key is refused.
create table registration_keys (
    key text constraint registration_keys_pkey primary key
        constraint registration_keys_length check (octet_length(key) <= 200),
    user_id uuid not null constraint registration_keys_user_id_fkey references users (id) on delete cascade
        deferrable initially deferred,
    username text not null,
    email text not null,
    -- That of the registration, to compare a repetition with it. The user may have changed it since.
    password_hash text not null,
    -- Afterwards the row is of no use, and later registrations remove it.
    expires_at timestamptz not null
);

create index registration_keys_expires_at on registration_keys (expires_at);
create index registration_keys_user_id on registration_keys (user_id);
