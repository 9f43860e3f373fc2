-- components/user/src/services/change_password.rs
select password_hash from users where id = $1;

-- components/user/src/services/change_password.rs
update users set password_hash = $3 where id = $1 and password_hash = $2;

-- components/user/src/services/count_users.rs
select count(*) as total_users, count(*) filter (where is_active) as active_users, count(*) filter (where not is_active) as inactive_users from users;

-- components/user/src/services/end_other_sessions.rs
select id from sessions where user_id = $1 and id is distinct from $2 and ended_at is null and expires_at > now() limit 500;

-- components/user/src/services/end_other_sessions.rs
update sessions set ended_at = now() where ended_at is null and id in (select value::uuid from jsonb_array_elements_text($1));

-- components/user/src/services/end_session.rs
select id from sessions where id = $1 and user_id = $2 and ended_at is null and expires_at > now();

-- components/user/src/services/end_session.rs
update sessions set ended_at = now() where id = $1 and user_id = $2 and ended_at is null;

-- components/user/src/services/fetch_profile.rs
select username, email, is_active, created_at from users where id = $1;

-- components/user/src/services/list_sessions.rs
select id, created_at, last_used_at, expires_at, user_agent, address, id is not distinct from $2 as current from sessions where user_id = $1 and ended_at is null and expires_at > now() order by created_at desc, id desc limit 100;

-- components/user/src/services/log_in.rs
select id, password_hash, is_active from users where lower(username) = lower($1);

-- components/user/src/services/log_in.rs
update users set last_login_at = now(), password_hash = coalesce($3, password_hash) where id = $1 and password_hash = $2 and is_active;

-- components/user/src/services/log_in.rs
with expired as (delete from sessions where id in (select id from sessions where expires_at < now() order by expires_at limit 10 for update skip locked)) insert into sessions (id, user_id, expires_at, user_agent, address) values ($1, $2, now() + make_interval(secs => $3), $4, $5);

-- components/user/src/services/note_session_use.rs
update sessions set last_used_at = now() where id = $1 and last_used_at < now() - interval '1 minute';

-- components/user/src/services/register_user.rs
insert into users (id, username, email, password_hash) values ($1, $2, $3, $4);

