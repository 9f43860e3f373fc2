//! `GET /api/v1/analytics/events`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{App, HostMode, events::EVENTS};

/// Records an event with the timestamp 2026-01-31T12:00 and `second`.
async fn record(app: &App, token: &str, event_type: &str, name: &str, second: u32) {
    let event = json!({
        "event_type": event_type, "event_name": name,
        "timestamp": format!("2026-01-31T12:00:{second:02}Z"),
    });
    app.post(EVENTS)
        .bearer(token)
        .json(&event)
        .send()
        .await
        .expect(201);
}

async fn list(app: &App, token: &str, query: &str) -> Value {
    let answer = app
        .get(&format!("{EVENTS}?{query}"))
        .bearer(token)
        .send()
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()["data"].clone()
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["event_name"].as_str().expect("name"))
        .collect()
}

#[rstest]
#[tokio::test]
async fn events_are_listed_newest_first_and_filtered(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let (ada, eve) = (
        app.register_and_log_in("ada").await,
        app.register_and_log_in("eve").await,
    );
    app.wait_for_statistics(4).await;
    for (second, (event_type, name)) in [("search", "a"), ("page_view", "b"), ("search", "c")]
        .into_iter()
        .enumerate()
    {
        record(&app, &ada, event_type, name, second as u32).await;
    }
    record(&app, &eve, "search", "hers", 1).await;
    let all = list(&app, &ada, "").await;
    assert_eq!(
        names(&all),
        ["user_login", "user_registered", "c", "b", "a"]
    );
    assert_eq!(all["next"], Value::Null);
    let item = &all["items"][2];
    assert_eq!(item["timestamp"], "2026-01-31T12:00:02Z");
    assert_eq!(item["source"], "bearer");
    assert!(
        item["event_id"].is_string() && item.get("received_at").is_none(),
        "{item}"
    );
    for (query, expected) in [
        ("event_type=search", &["c", "a"][..]),
        ("event_type=search&limit=1", &["c"]),
        ("from=2026-01-31T12:00:01Z&to=2026-01-31T12:00:02Z", &["b"]),
        ("from=2026-01-31&to=2026-01-31", &["c", "b", "a"]),
        ("event_type=purchase", &[]),
    ] {
        assert_eq!(names(&list(&app, &ada, query).await), expected, "{query}");
    }
    let own = all["items"][0]["user_id"].as_str().expect("id");
    assert_eq!(
        names(&list(&app, &ada, &format!("user_id={own}")).await).len(),
        5
    );
    app.get(&format!("{EVENTS}?user_id={own}"))
        .bearer(&eve)
        .send()
        .await
        .expect_problem(403, "forbidden");
    app.get(EVENTS)
        .send()
        .await
        .expect_problem(401, "unauthenticated");
}

#[rstest]
#[tokio::test]
async fn pages_stay_complete_while_events_are_added(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    for event in ["user_registered", "user_login"] {
        app.wait_for_event(event, &token).await;
    }
    // Two events share each timestamp, so that a page can end between them.
    for n in 0..14 {
        record(&app, &token, "search", &format!("{n:02}"), n / 2).await;
    }
    let mut seen = Vec::new();
    let mut query = "event_type=search&limit=3".to_owned();
    for added in 0.. {
        let page = list(&app, &token, &query).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("event_type=search&limit=3&cursor={next}");
        record(&app, &token, "search", "new", 30 + added).await;
    }
    assert_eq!(seen.len(), 14, "{seen:?}");
    // Newest first. Events with the same timestamp may come in any order, but only once.
    let moments: Vec<u32> = seen
        .iter()
        .map(|name| name.parse::<u32>().expect("number") / 2)
        .collect();
    assert!(moments.is_sorted_by(|a, b| a >= b), "{seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 14);
}

#[rstest]
#[tokio::test]
async fn each_parameter_outside_its_limits_is_rejected(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let pointers = async |query: &str| {
        let answer = app
            .get(&format!("{EVENTS}?{query}"))
            .bearer(&token)
            .send()
            .await;
        answer.expect_problem(422, "invalid-fields").pointers()
    };
    assert_eq!(
        pointers("limit=101&cursor=nonsense&event_type=nap&from=1&user_id=").await,
        ["/cursor", "/event_type", "/from", "/limit", "/user_id"]
    );
    assert_eq!(pointers("limit=0").await, ["/limit"]);
    assert_eq!(pointers("from=2026-01-31&to=2026-01-30").await, ["/to"]);
    list(&app, &token, "limit=100").await;
}

#[rstest]
#[tokio::test]
async fn a_page_of_large_events_ends_early_and_can_be_sealed(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let large = json!({ "event_type": "custom", "event_name": "large", "properties": { "text": "x".repeat(16_000) } });
    for _ in 0..40 {
        app.post(EVENTS)
            .bearer(&token)
            .json(&large)
            .send()
            .await
            .expect(201);
    }
    let query = "event_type=custom&limit=100";
    let first = list(&app, &token, query).await;
    let next = first["next"].as_str().expect("a next page");
    let second = list(&app, &token, &format!("{query}&cursor={next}")).await;
    assert_eq!(names(&first).len() + names(&second).len(), 40);
    assert_eq!(second["next"], Value::Null);
    let sealed = app
        .get(&format!("{EVENTS}?{query}"))
        .bearer(&token)
        .header("x-encrypt-response", "true")
        .send()
        .await
        .expect(200);
    assert!(sealed.text.contains("encrypted_data"), "{}", sealed.status);
}

#[rstest]
#[tokio::test]
async fn numbers_with_hundreds_of_digits_do_not_break_the_list(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let event = |numbers: usize| {
        let properties = json!({ "numbers": vec![1e308; numbers] });
        json!({ "event_type": "custom", "event_name": "long", "properties": properties })
    };
    let record = |numbers| app.post(EVENTS).bearer(&token).json(&event(numbers)).send();
    let rejected = record(2_300).await.expect_problem(422, "invalid-fields");
    assert_eq!(rejected.pointers(), ["/properties"]);
    record(50).await.expect(201);
    if mode != HostMode::MongoDb {
        store_long_numbers(&app).await;
    }
    let mut query = "event_type=custom&limit=100".to_owned();
    let mut found = 0;
    loop {
        let page = list(&app, &token, &query).await;
        found += names(&page).len();
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("event_type=custom&limit=100&cursor={next}");
    }
    let expected = if mode == HostMode::MongoDb { 1 } else { 7 };
    assert_eq!(found, expected);
}

/// Stores six events as earlier versions accepted them, with 700 KB of digits in each.
async fn store_long_numbers(app: &App) {
    sqlx::query(
        "insert into documents.events (id, body) \
         select id, body || jsonb_build_object('_id', id, 'properties', (select \
             jsonb_build_object('numbers', jsonb_agg(1e308::numeric)) from generate_series(1, 2300))) \
         from (select gen_random_uuid()::text as id, body from documents.events, generate_series(1, 6) \
             where body ->> 'event_type' = 'custom') as copies",
    )
    .execute(&mut app.admin_connection().await)
    .await
    .expect("insert");
}
