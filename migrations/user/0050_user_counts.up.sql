-- The numbers of users, kept by a trigger, because counting the rows of `users` costs more with each of
-- them, and anyone may ask for the count.
--
-- A statement changes one of several rows, whose sum is the count. If there were one row, every
-- registration would wait for the commit of the one before.
create table user_counts (
    slot integer primary key,
    total bigint not null,
    active bigint not null
)
-- Room for new versions of the rows in the same page, which then need no change of the index.
with (fillfactor = 10);

-- Nothing may be counted twice or missed between the count and the trigger.
lock table users in share row exclusive mode;

insert into user_counts select slot, 0, 0 from generate_series(0, 15) as slot;
update user_counts
set total = counted.total, active = counted.active
from (select count(*) as total, count(*) filter (where is_active) as active from users) as counted
where slot = 0;

-- The table is found by the trigger's schema, because others who change users have another search path.
-- A session always changes the same row, so it never waits for itself.
create function count_changed_users() returns trigger language plpgsql as $$
declare
    more bigint := 0;
    more_active bigint := 0;
    fewer bigint := 0;
    fewer_active bigint := 0;
begin
    if tg_op in ('INSERT', 'UPDATE') then
        select count(*), count(*) filter (where is_active) into more, more_active from added;
    end if;
    if tg_op in ('DELETE', 'UPDATE') then
        select count(*), count(*) filter (where is_active) into fewer, fewer_active from removed;
    end if;
    if more <> fewer or more_active <> fewer_active then
        execute format('update %I.user_counts set total = total + $1, active = active + $2 where slot = $3', tg_table_schema)
        using more - fewer, more_active - fewer_active, pg_backend_pid() % 16;
    end if;
    return null;
end
$$;

create function count_no_users() returns trigger language plpgsql as $$
begin
    execute format('update %I.user_counts set total = 0, active = 0', tg_table_schema);
    return null;
end
$$;

create trigger users_counted_on_insert after insert on users
    referencing new table as added
    for each statement execute function count_changed_users();
create trigger users_counted_on_update after update on users
    referencing old table as removed new table as added
    for each statement execute function count_changed_users();
create trigger users_counted_on_delete after delete on users
    referencing old table as removed
    for each statement execute function count_changed_users();
create trigger users_counted_on_truncate after truncate on users
    for each statement execute function count_no_users();
