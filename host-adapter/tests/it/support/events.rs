//! Events by the thousand, straight into the table of the collection, and counted there.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::App;

pub(crate) const STATISTICS: &str = "/api/v1/analytics/stats";
pub(crate) const EVENTS: &str = "/api/v1/analytics/events";
pub(crate) const REBUILD: &str = "/api/v1/analytics/stats/rebuild";

/// Documents as the service makes them: `$1` events received from `$2` on, `$3` milliseconds apart,
/// by `$4` users in turn. They happened on four days, and are of two types.
const FILL: &str = r#"
    insert into documents.events (id, body)
    select id, jsonb_build_object(
        '_id', id, 'event_type', type, 'event_name', 'filled', 'source', 'user',
        'user_id', user_id, 'properties', '{}'::jsonb,
        'timestamp', jsonb_build_object('$date', day || 'T12:00:00.000Z'),
        'received_at', jsonb_build_object('$date',
            to_char(received at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
        'bucket', day || ' ' || type)
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

/// Stores `events` events, the first of them received a millisecond or so after `from`.
pub(crate) async fn fill(
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
        .expect("fill");
}

/// The statistics that a count of all events gives.
pub(crate) async fn counted(sql: &mut PgConnection) -> Value {
    sqlx::query_scalar(COUNT)
        .fetch_one(sql)
        .await
        .expect("count")
}

/// The statistics that the service tells.
pub(crate) async fn told(app: &App) -> Value {
    let answer = app.get(STATISTICS).send().await.expect(200);
    without_users(answer.json())
}

/// The part of an answer that is about events.
pub(crate) fn without_users(mut answer: Value) -> Value {
    let data = answer["data"].as_object_mut().expect("data");
    data.remove("user_stats");
    json!(data)
}

/// How many slices have been summarised.
pub(crate) async fn slices(sql: &mut PgConnection) -> i64 {
    let slices: Option<i64> = sqlx::query_scalar(
        "select (body ->> 'slice')::bigint from documents.event_summaries where id = 'summary'",
    )
    .fetch_optional(sql)
    .await
    .expect("slices");
    slices.unwrap_or(0)
}

/// Ends the claim on a slice that was begun by a process that died, and says how many there were.
pub(crate) async fn end_claims(sql: &mut PgConnection) -> u64 {
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

/// Rebuilds the statistics, in as many requests as it takes, sealed with the keys of `operator`.
pub(crate) async fn rebuild(app: &App, operator: &App) -> Value {
    super::until("the rebuild", async || {
        let sealed = operator.seal("analytics", REBUILD, &json!({}));
        let answer = app.post(REBUILD).text(&sealed).send().await.expect(200);
        let data = operator.open(&answer.text)["data"].clone();
        (data["done"] == true).then_some(data)
    })
    .await
}
