//! Old events are removed, and the statistics go on counting them.

use mongodb::{
    Collection, Database,
    bson::{DateTime, Document, doc},
};
use serde_json::{Value, json};

use crate::support::{
    App, Builder, HostMode,
    events::{
        EVENTS, STATISTICS, compute_statistics, fetch_statistics, insert_events, insert_together,
        rebuild, wait_until_settled,
    },
    mongodb as server, until,
};

const VARIABLE: &str = "SPIN_VARIABLE_EVENTS_MAX_AGE_DAYS";

/// More than 30 days before any run of this test.
const LONG_AGO: &str = "2026-01-05T00:00:00Z";

/// Records an event, which is not old.
async fn record(app: &App, token: &str) {
    let event = json!({ "event_type": "search", "event_name": "x" });
    let request = app.post(EVENTS).bearer(token).json(&event);
    request.send().await.expect(201);
}

/// Adds what [`record`] and a registration with a login add.
fn with_new_events(mut statistics: Value, searches: u64) -> Value {
    let mut add = |pointer: &str, name: &str, number: u64| {
        let counts = &mut statistics[pointer];
        let before = counts[name].as_u64().unwrap_or_default();
        counts[name] = json!(before + number);
    };
    let today = time::OffsetDateTime::now_utc().date().to_string();
    add("by_type", "user_action", 2);
    add("by_type", "search", searches);
    add("by_day", &today, 2 + searches);
    for (pointer, number) in [("total_events", 2 + searches), ("distinct_users", 1)] {
        let before = statistics[pointer].as_u64().expect("a number");
        statistics[pointer] = json!(before + number);
    }
    statistics
}

/// Expects that the statistics are right during and after a rebuild, and says what a period lacks.
async fn expect_all_counted(app: &App, right: &Value, users_of_days: i64) {
    assert_eq!(fetch_statistics(app).await, *right);
    rebuild(app, app).await;
    assert_eq!(fetch_statistics(app).await, *right);
    let fetch = async |period: &str| {
        let answer = app.get(&format!("{STATISTICS}?{period}")).send().await;
        answer.expect(200).json()
    };
    let days = fetch("from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z").await;
    let by_day = &days["data"]["by_day"];
    for day in ["2026-01-01", "2026-01-02"] {
        assert_eq!(by_day[day], right["by_day"][day], "{days}");
    }
    // The users of whole days are kept.
    assert_eq!(days["data"]["distinct_users"], users_of_days, "{days}");
    assert_eq!(days["data"]["distinct_users_estimated"], false, "{days}");
    assert_eq!(days["warnings"], Value::Null, "{days}");
    let part = fetch("from=2026-01-01T06:00:00Z&to=2026-01-01T18:00:00Z").await;
    assert_eq!(part["data"]["distinct_users"], Value::Null, "{part}");
    assert_eq!(part["warnings"].as_array().map(Vec::len), Some(2), "{part}");
}

#[tokio::test]
async fn old_events_go_and_their_statistics_stay() {
    let app = Builder::new(HostMode::Embedded)
        .env(VARIABLE, "30")
        .start()
        .await;
    let mut sql = app.admin_connection().await;
    // Several positions, one of them with more events than a step removes.
    insert_events(&mut sql, 700, LONG_AGO, 1, 100).await;
    insert_together(&mut sql, 2_500, LONG_AGO, 1, 150).await;
    insert_events(&mut sql, 10, LONG_AGO, 1, 5).await;
    let old = compute_statistics(&mut sql).await;
    // Events that are not settled stay, and an instance looks again only after a minute.
    wait_until_settled(&mut sql).await;
    let users_of_days = "select count(distinct body ->> 'user_id') from documents.events \
        where left(body ->> 'bucket', 10) in ('2026-01-01', '2026-01-02')";
    let users_of_days = sqlx::query_scalar(users_of_days);
    let users_of_days: i64 = users_of_days.fetch_one(&mut sql).await.expect("a count");
    app.register_and_log_in("ada").await;
    app.wait_for_statistics(3_212).await;
    let right = with_new_events(old, 0);
    until("the old events to be removed", async || {
        assert_eq!(fetch_statistics(&app).await, right);
        let left = compute_statistics(&mut sql).await;
        (left["total_events"] == 2).then_some(())
    })
    .await;
    expect_all_counted(&app, &right, users_of_days).await;
    // The rebuild does not keep later ones from being removed. They are too few for the summary to take them by
    // itself, and a new process looks for them at once.
    let age = "update documents.events set body = jsonb_set(body, '{received_at,$date}', to_jsonb($1::text))";
    let age = sqlx::query(age).bind("2026-01-05T00:00:00.000Z");
    age.execute(&mut app.admin_connection().await)
        .await
        .expect("update");
    wait_until_settled(&mut sql).await;
    let app = Builder::new(HostMode::Embedded)
        .beside(&app)
        .env(VARIABLE, "30")
        .start()
        .await;
    until("all events to be removed", async || {
        assert_eq!(fetch_statistics(&app).await, right);
        let left = compute_statistics(&mut sql).await;
        (left["total_events"] == 0).then_some(())
    })
    .await;
}

/// Inserts old events long before the settled position.
async fn insert_old(database: &Database, number: i64) {
    let clock: Collection<Document> = database.collection("spindle_positions");
    let clock = clock
        .find_one(doc! {})
        .await
        .expect("find")
        .expect("a clock");
    let position = clock.get_i64("at").expect("a position") - 60_000_000;
    let at = |text: &str| DateTime::parse_rfc3339_str(text).expect("a date");
    let event = |n: i64| {
        let day = format!("2026-01-0{}", 1 + n % 4);
        doc! {
            "_id": uuid::Uuid::now_v7().to_string(), "event_type": "search", "event_name": "filled",
            "user_id": format!("user-{}", n % 100), "properties": {}, "source": "user",
            "timestamp": at(&format!("{day}T12:00:00Z")), "received_at": at(LONG_AGO),
            "position": position + n / 500, "bucket": format!("{day} search"),
        }
    };
    let events: Collection<Document> = database.collection("events");
    events
        .insert_many((0..number).map(event))
        .await
        .expect("insert");
}

#[tokio::test]
async fn old_events_go_from_mongodb() {
    let database = server::database().await;
    let builder = || Builder::new(HostMode::Embedded).mongodb(&database.url);
    let first = builder().start().await;
    let mongodb = server::connect(&database.url).await;
    // The first event of all starts the clock of positions.
    let token = first.register_and_log_in("ada").await;
    first.wait_for_statistics(2).await;
    insert_old(&mongodb, 2_200).await;
    let app = builder().beside(&first).env(VARIABLE, "30").start().await;
    record(&app, &token).await;
    let day = |n: u64| (format!("2026-01-0{n}"), json!(550));
    let old = json!({
        "total_events": 2_200, "distinct_users": 100, "by_type": { "search": 2_200 },
        "by_day": (1..=4).map(day).collect::<serde_json::Map<_, _>>(),
    });
    let right = with_new_events(old, 1);
    let events: Collection<Document> = mongodb.collection("events");
    until("the old events to be removed", async || {
        assert_eq!(fetch_statistics(&app).await, right);
        let left = events.count_documents(doc! {}).await.expect("count");
        (left == 3).then_some(())
    })
    .await;
    expect_all_counted(&app, &right, 50).await;
}
