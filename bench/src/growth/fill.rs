//! Fills the databases of the services by SQL, as they would have done it themselves.

use sqlx::PgPool;

use super::Size;

/// Rows per statement, so that PostgreSQL need not keep millions of new rows for a trigger.
const BATCH: u64 = 250_000;

/// What the measured user did on each day.
const ACTIVITIES_PER_DAY: u64 = 20;

/// The measured user's sessions: as many as the list of sessions shows.
const OWN_SESSIONS: i64 = 100;

/// They have the password of the measured user.
const USERS: &str = r#"
    insert into "user".users (id, username, email, password_hash)
    select md5('user ' || n)::uuid, 'filled' || n, 'filled' || n || '@example.com', one.password_hash
    from generate_series($1::bigint, $2::bigint - 1) as n,
        (select password_hash from "user".users where username = 'user0') as one"#;

/// They do not expire during the measurement.
const SESSIONS: &str = r#"
    insert into "user".sessions (id, user_id, expires_at, user_agent, address)
    select md5('session ' || n)::uuid, md5('user ' || n)::uuid, now() + interval '2 days', 'bench', '127.0.0.1'
    from generate_series($1::bigint, $2::bigint - 1) as n"#;

const OWN: &str = r#"
    insert into "user".sessions (id, user_id, expires_at, user_agent, address)
    select gen_random_uuid(), $1::uuid, now() + interval '2 days', 'bench', '127.0.0.1'
    from generate_series(1, $2::bigint)"#;

/// One of each other user within the last year.
const ACTIVITIES: &str = r#"
    insert into documents.activities (id, body)
    select id, jsonb_build_object(
        '_id', id, 'user_id', user_id, 'action', 'logged_in', 'session_id', null, 'address', '127.0.0.1',
        'user_agent', 'bench', 'day', to_char(at, 'YYYY-MM-DD'),
        'at', jsonb_build_object('$date', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
    from (
        select gen_random_uuid()::text as id, md5('user ' || n)::uuid::text as user_id,
            now() at time zone 'utc' - (n % 365) * interval '1 day' - interval '1 hour' as at
        from generate_series($1::bigint, $2::bigint - 1) as n
    ) as given"#;

/// Those of the measured user, with numbers from the newest to the oldest.
const OWN_ACTIVITIES: &str = r#"
    insert into documents.activities (id, body)
    select id, jsonb_build_object(
        '_id', id, 'user_id', $3::text, 'action', action, 'session_id', null, 'address', '127.0.0.1',
        'user_agent', 'bench', 'day', to_char(at, 'YYYY-MM-DD'),
        'at', jsonb_build_object('$date', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
    from (
        select gen_random_uuid()::text as id,
            case n % 3 when 0 then 'logged_in' when 1 then 'logged_out' else 'login_failed' end as action,
            now() at time zone 'utc' - n * (interval '1 day' / $4) - interval '1 hour' as at
        from generate_series($1::bigint, $2::bigint - 1) as n
    ) as given"#;

/// Gives the measured user sessions.
pub(super) async fn own_sessions(database: &PgPool, user_id: &str) -> anyhow::Result<()> {
    let insert = sqlx::query(OWN).bind(user_id).bind(OWN_SESSIONS);
    insert.execute(database).await?;
    Ok(())
}

/// Fills everything but events.
pub(super) async fn grow(
    database: &PgPool,
    user_id: &str,
    from: &Size,
    to: &Size,
) -> anyhow::Result<()> {
    series(database, USERS, from.users..to.users).await?;
    series(database, SESSIONS, from.sessions..to.sessions).await?;
    if to.days == 0 {
        return Ok(());
    }
    series(database, ACTIVITIES, from.users..to.users).await?;
    let insert = sqlx::query(OWN_ACTIVITIES)
        .bind(i64::try_from(from.days * ACTIVITIES_PER_DAY)?)
        .bind(i64::try_from(to.days * ACTIVITIES_PER_DAY)?)
        .bind(user_id)
        .bind(ACTIVITIES_PER_DAY as f64);
    insert.execute(database).await?;
    // The service would have done this when such late activities arrived.
    sqlx::query(r#"delete from "user".activity_counts"#)
        .execute(database)
        .await?;
    Ok(())
}

async fn series(
    database: &PgPool,
    statement: &'static str,
    numbers: std::ops::Range<u64>,
) -> anyhow::Result<()> {
    let mut begin = numbers.start;
    while begin < numbers.end {
        let end = (begin + BATCH).min(numbers.end);
        let insert = sqlx::query(statement)
            .bind(i64::try_from(begin)?)
            .bind(i64::try_from(end)?);
        insert.execute(database).await?;
        begin = end;
    }
    Ok(())
}

/// Does what PostgreSQL would otherwise do during the measurement.
pub(super) async fn settle(database: &PgPool) -> anyhow::Result<()> {
    sqlx::query("vacuum analyze").execute(database).await?;
    sqlx::query("checkpoint").execute(database).await?;
    Ok(())
}
