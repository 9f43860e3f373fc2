//! The statistics of `statistics.rs`, with the events in MongoDB.

use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use mongodb::{
    Collection, Database,
    bson::{DateTime, Document, doc},
};
use serde_json::{Value, json};

use crate::support::{
    App, Builder, HostMode,
    events::{EVENTS, expect_users, fetch_statistics, rebuild},
    mongodb as server,
    process::send_signal,
    until,
};

/// The days of [`event`].
const DAYS: &str = "from=2026-01-01&to=2026-01-04";

fn event(number: i64, position: i64, users: i64) -> Document {
    let (day, event_type) = (1 + number % 4, ["search", "page_view"][number as usize % 2]);
    let midnight = DateTime::parse_rfc3339_str(format!("2026-01-0{day}T00:00:00Z"));
    doc! {
        "_id": uuid::Uuid::now_v7().to_string(), "event_type": event_type, "event_name": "filled",
        "user_id": format!("user-{}", number % users), "properties": {}, "source": "user",
        "timestamp": midnight.expect("a date"), "received_at": DateTime::now(), "position": position,
        "bucket": format!("2026-01-0{day} {event_type}"),
    }
}

/// Inserts `number` events, 1,000 at each position.
async fn insert_events(database: &Database, number: i64, users: i64) {
    let clock: Collection<Document> = database.collection("spindle_positions");
    let clock = clock
        .find_one(doc! {})
        .await
        .expect("find")
        .expect("a clock");
    // No adapter runs. The last one has agreed within 5 s, and settled what was 16.5 s before.
    let from = clock.get_i64("at").expect("a position") - 11_000_000;
    let documents: Vec<Document> = (0..number)
        .map(|n| event(n, from + n / 1_000, users))
        .collect();
    let events: Collection<Document> = database.collection("events");
    for batch in documents.chunks(5_000) {
        events.insert_many(batch).await.expect("insert");
    }
}

/// Computes the statistics from all stored events.
async fn compute_statistics(events: &Collection<Document>) -> Value {
    let all = events
        .find(doc! {})
        .projection(doc! { "bucket": 1, "user_id": 1 });
    let all: Vec<Document> = all
        .await
        .expect("find")
        .try_collect()
        .await
        .expect("events");
    let (mut days, mut types, mut users) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for event in &all {
        let bucket = event.get_str("bucket").expect("bucket");
        let (day, event_type) = bucket.split_once(' ').expect("two words");
        *days.entry(day).or_insert(0) += 1;
        *types.entry(event_type).or_insert(0) += 1;
        users.insert(event.get_str("user_id").expect("user"));
    }
    json!({ "total_events": all.len(), "by_day": days, "by_type": types, "distinct_users": users.len() })
}

async fn count_slices(database: &Database) -> i32 {
    let summaries: Collection<Document> = database.collection("event_summaries");
    let summary = summaries
        .find_one(doc! { "_id": "totals" })
        .await
        .expect("find");
    summary.map_or(0, |summary| summary.get_i32("slice").expect("slice"))
}

#[rstest]
#[tokio::test]
async fn mongodb_statistics_survive_kills_and_rebuilds(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let database = server::database().await;
    let builder = Builder::new(mode).patient();
    let first = builder.mongodb(&database.url).start().await;
    let mongodb = server::connect(&database.url).await;
    let events: Collection<Document> = mongodb.collection("events");
    let token = first.register_and_log_in("ada").await;
    first.wait_for_statistics(2).await;
    let keys = first.directory.path().join("keys");
    let again = async || {
        Builder::new(mode)
            .patient()
            .env("SPINDLE_KEYS_DIRECTORY", keys.to_str().expect("text"))
            .database(first.database.clone())
            .mongodb(&database.url)
            .start()
            .await
    };
    send_signal(first.pid(), "KILL");
    for round in 0..2 {
        insert_events(&mongodb, 13_000, 2_500).await;
        let app = again().await;
        kill_during_requests(&app, &token).await;
        let summaries: Collection<Document> = mongodb.collection("event_summaries");
        let over = doc! { "$set": { "planned.begun": DateTime::from_millis(0) } };
        summaries
            .update_many(doc! { "planned.end": { "$exists": true } }, over)
            .await
            .expect("update");
        let app = again().await;
        assert_eq!(
            fetch_statistics(&app).await,
            compute_statistics(&events).await,
            "round {round}"
        );
    }
    let app = again().await;
    let right = compute_statistics(&events).await;
    until("slices", async || {
        assert_eq!(fetch_statistics(&app).await, right);
        (count_slices(&mongodb).await >= 3).then_some(())
    })
    .await;
    // All but one are of these days, and more on each of them than are counted exactly.
    let users = right["distinct_users"].as_u64().expect("a number") - 1;
    assert!(expect_users(&app, DAYS, users).await);
    rebuild(&app, &first).await;
    assert_eq!(fetch_statistics(&app).await, right);
    assert!(expect_users(&app, DAYS, users).await);
}

/// Reads statistics and records events, and kills the process after a random number of requests.
async fn kill_during_requests(app: &App, token: &str) {
    let event = json!({ "event_type": "search", "event_name": "x" });
    let (record, read) = (EVENTS, "/api/v1/analytics/stats");
    let mut left = 1 + rand::random::<u64>() % 20;
    while left > 0 {
        let requests = [record, read, record].map(|path| match path {
            EVENTS => app.post(path).bearer(token).json(&event),
            _ => app.get(path),
        });
        let [first, second, third] = requests.map(|request| request.0.send());
        left -= 1;
        let kill = async {
            if left == 0 {
                send_signal(app.pid(), "KILL")
            }
        };
        // Requests that the kill interrupts do not get an answer.
        let _ = futures_util::future::join4(first, second, third, kill).await;
    }
}
