-- The numbers of each user's activities per day, so that statistics need not read all activities. They are made from
-- the activities when statistics are read; see services/activity_counts.rs.
create table activity_counts (
    user_id uuid constraint activity_counts_pkey primary key
        constraint activity_counts_user_id_fkey references users (id) on delete cascade,
    -- Changes with each activity, so that a reading does not keep what it has counted before.
    version bigint not null default 0,
    -- The start of the first day that is not in the numbers. Null if nothing is kept.
    until timestamptz,
    counts jsonb not null default '{"days": {}}'
);
