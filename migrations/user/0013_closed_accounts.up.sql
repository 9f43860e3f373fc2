-- Closing an account ends its sessions, also if it is closed by hand. The trigger sends a message to the service
-- itself, because only the adapter can end tokens. The message is delivered after the commit.
create function send_closed_account() returns trigger language plpgsql as $$
declare
    -- A UUID that begins with the time, as the outbox orders its messages by them.
    message uuid := lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
        || substr(replace(gen_random_uuid()::text, '-', ''), 13);
begin
    execute format('insert into %I.outbox (id, peer, path, body, idempotency_key) values ($1, $2, $3, $4, $5)',
        tg_table_schema)
    using message, 'user', '/api/v1/users/closed', json_build_object('user_id', new.id)::text, message::text;
    return null;
end $$;

create trigger users_closed after update of is_active on users
    for each row when (old.is_active and not new.is_active) execute function send_closed_account();
