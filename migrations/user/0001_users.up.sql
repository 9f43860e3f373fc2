-- Accounts. Their schema comes from the search path, so that the file does not fix its name.
create table users (
    -- UUIDv7, made by the service: known before the insert, so that one transaction can write a
    -- user and the message about it.
    id uuid constraint users_pkey primary key,
    -- As it was typed; unique without regard to case, see below. The service checks its form, the
    -- database only what would do harm: without limits.
    username text not null constraint users_username_length check (length(username) between 3 and 50),
    -- The service lowers it, and the check makes sure that no other form gets in beside the unique
    -- constraint. Longest address of RFC 5321: 254.
    email text not null constraint users_email_form check (length(email) <= 254 and email = lower(email)),
    -- PHC text of argon2id. The parameters are in it, so that they can be raised later.
    password_hash text not null,
    -- False closes an account without losing what it did.
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    -- Null until the first login.
    last_login_at timestamptz
)
-- Every login rewrites its row. Room in the page keeps the new version there, and the indexes
-- untouched.
with (fillfactor = 80);

-- "Ada" and "ada" are one name; a login looks names up by this index. The service tells its
-- clients what is taken by the names of this index and of the next constraint. PostgreSQL checks
-- them in the order in which they were made: of two that are taken, the username is named.
create unique index users_username_key on users (lower(username));

alter table users add constraint users_email_key unique (email);
