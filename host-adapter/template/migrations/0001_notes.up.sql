create table notes (
    id uuid constraint notes_pkey primary key,
    user_id uuid not null,
    title text not null,
    text text,
    created_at timestamptz not null
);

-- A user's, newest first.
create index notes_user_id on notes (user_id, created_at desc, id desc);
