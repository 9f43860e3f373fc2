//! Inserts thousands of events directly into the collection's table, and counts them there.

use serde_json::{Value, json};
use sqlx::PgConnection;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::App;

pub(crate) const STATISTICS: &str = "/api/v1/analytics/stats";
pub(crate) const EVENTS: &str = "/api/v1/analytics/events";
pub(crate) const REBUILD: &str = "/api/v1/analytics/stats/rebuild";

/// Inserts documents like those of the service: `$1` events, received from `$2` on and `$3`
/// milliseconds apart, by `$4` users in turn. They have dates on four days and two types, and the position
/// that the adapter would give them.
const FILL: &str = r#"
    insert into documents.events (id, body)
    select id, jsonb_build_object(
        '_id', id, 'event_type', type, 'event_name', 'filled', 'source', 'user',
        'user_id', user_id, 'properties', '{}'::jsonb,
        'timestamp', jsonb_build_object('$date', day || 'T12:00:00.000Z'),
        'received_at', jsonb_build_object('$date',
            to_char(received at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
        'bucket', day || ' ' || type,
        'position', (select max(epoch) << 44 from documents.spindle_positions)
            + pg_current_xact_id()::text::bigint)
    from (
        select gen_random_uuid()::text as id, 'user-' || n % $4 as user_id,
            case when n % 3 = 0 then 'search' else 'page_view' end as type,
            '2026-01-0' || 1 + n % 4 as day,
            $2::text::timestamptz + n * $3 * interval '1 millisecond' as received
        from generate_series(1, $1) as n
    ) as given"#;

const COUNT: &str = r#"
    select jsonb_build_object(
        'total_events', (select count(*) from documents.events),
        'distinct_users', (select count(distinct body ->> 'user_id') from documents.events),
        'by_type', (select coalesce(jsonb_object_agg(name, n), '{}') from
            (select body ->> 'event_type' as name, count(*) as n from documents.events group by 1) as types),
        'by_day', (select coalesce(jsonb_object_agg(name, n), '{}') from
            (select left(body -> 'timestamp' ->> '$date', 10) as name, count(*) as n
                from documents.events group by 1) as days))"#;

/// Number of events that [`insert_events`] stores together: as many as a slice has at most.
const TOGETHER: i32 = 10_000;

/// Inserts `events` events of `users` users, received at intervals of `milliseconds`. The first is
/// received one interval after `from`.
pub(crate) async fn insert_events(
    sql: &mut PgConnection,
    events: i32,
    from: &str,
    milliseconds: i32,
    users: i32,
) {
    let mut left = events;
    while left > 0 {
        let together = left.min(TOGETHER);
        insert_together(sql, together, from, milliseconds, users).await;
        left -= together;
    }
}

/// Like [`insert_events`], but all events have one position.
pub(crate) async fn insert_together(
    sql: &mut PgConnection,
    events: i32,
    from: &str,
    milliseconds: i32,
    users: i32,
) {
    sqlx::query(FILL)
        .bind(events)
        .bind(from)
        .bind(milliseconds)
        .bind(users)
        .execute(sql)
        .await
        .expect("insert");
}

/// Waits until the events up to now are settled. A transaction of another test holds that back, in any database of the
/// server.
pub(crate) async fn wait_until_settled(sql: &mut PgConnection) {
    let now = sqlx::query_scalar("select pg_current_xact_id()::text::bigint");
    let now: i64 = now.fetch_one(&mut *sql).await.expect("a position");
    super::until("all events to be settled", async || {
        let settled = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint > $1";
        let settled = sqlx::query_scalar::<_, bool>(settled).bind(now);
        let settled = settled.fetch_one(&mut *sql).await.expect("a position");
        settled.then_some(())
    })
    .await;
}

/// Takes the positions from the events, as if an earlier version had stored them.
pub(crate) async fn remove_positions(sql: &mut PgConnection) {
    sqlx::query("update documents.events set body = body - 'position'")
        .execute(sql)
        .await
        .expect("update");
}

/// Computes the statistics from all stored events.
pub(crate) async fn compute_statistics(sql: &mut PgConnection) -> Value {
    sqlx::query_scalar(COUNT)
        .fetch_one(sql)
        .await
        .expect("count")
}

/// Returns the statistics that the service reports. A reading may be a second old, so this waits for one
/// that knows of everything before this call.
pub(crate) async fn fetch_statistics(app: &App) -> Value {
    let start = OffsetDateTime::now_utc();
    super::until("a new reading", async || {
        let answer = app.get(STATISTICS).send().await.expect(200).json();
        assert_eq!(answer["data"]["distinct_users_estimated"], false);
        (as_of(&answer) >= start).then(|| counts_in(answer))
    })
    .await
}

/// Returns when the statistics in an answer were right.
pub(crate) fn as_of(answer: &Value) -> OffsetDateTime {
    let text = answer["data"]["as_of"].as_str().expect("a time");
    OffsetDateTime::parse(text, &Rfc3339).expect("RFC 3339")
}

/// Returns the statistics in an answer, without those about users and the time.
pub(crate) fn counts_in(mut answer: Value) -> Value {
    let data = answer["data"].as_object_mut().expect("data");
    data.remove("user_stats");
    data.remove("as_of");
    data.remove("distinct_users_estimated");
    json!(data)
}

/// Returns the number of distinct users of a period, and whether it is an estimate.
async fn fetch_users(app: &App, period: &str) -> (u64, bool) {
    let answer = app.get(&format!("{STATISTICS}?{period}")).send().await;
    let data = answer.expect(200).json()["data"].clone();
    let users = data["distinct_users"].as_u64();
    let is_estimated = data["distinct_users_estimated"].as_bool();
    users.zip(is_estimated).unwrap_or_else(|| panic!("{data}"))
}

/// Expects that a period has `right` distinct users, and returns whether their number is an estimate.
pub(crate) async fn expect_users(app: &App, period: &str, right: u64) -> bool {
    let (users, is_estimated) = fetch_users(app, period).await;
    // Four times the standard error.
    let is_near = users.abs_diff(right) * 1_000 < right * 64;
    let is_right = users == right || is_estimated && is_near;
    assert!(
        is_right,
        "{period}: {users} users, not {right}, estimated: {is_estimated}"
    );
    is_estimated
}

/// Returns the number of summarised slices.
pub(crate) async fn count_slices(sql: &mut PgConnection) -> i64 {
    let slices: Option<i64> = sqlx::query_scalar(
        "select (body ->> 'slice')::bigint from documents.event_summaries where id = 'totals'",
    )
    .fetch_optional(sql)
    .await
    .expect("slices");
    slices.unwrap_or(0)
}

/// Expires the claim of a killed process on a slice, and returns the number of such claims.
pub(crate) async fn expire_slice_claims(sql: &mut PgConnection) -> u64 {
    let past = "jsonb_build_object('$date', '2026-01-01T00:00:00.000Z')";
    let statement = format!(
        "update documents.event_summaries set body = jsonb_set(body, '{{planned,begun}}', {past}) \
         where jsonb_typeof(body -> 'planned') = 'object'"
    );
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(sql)
        .await
        .expect("update")
        .rows_affected()
}

/// Rebuilds the statistics, with as many requests as necessary, sealed with the keys of `operator`.
pub(crate) async fn rebuild(app: &App, operator: &App) -> Value {
    super::until("the rebuild", async || {
        let sealed = operator.seal("analytics", REBUILD, &json!({}));
        let answer = app.post(REBUILD).text(&sealed).send().await.expect(200);
        let data = operator.open(&answer.text)["data"].clone();
        (data["done"] == true).then_some(data)
    })
    .await
}
