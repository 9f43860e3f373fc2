//! `POST /api/v1/analytics/events` and `GET /api/v1/analytics/stats`.

use rstest::rstest;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::support::{App, Builder, HostMode, until};

const EVENTS: &str = "/api/v1/analytics/events";

fn event(name: &str) -> Value {
    json!({ "event_type": "page_view", "event_name": name, "properties": { "page": "/" } })
}

#[rstest]
#[tokio::test]
async fn user_events_are_recorded_and_counted(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let answer = app
        .post(EVENTS)
        .bearer(&token)
        .json(&event("home"))
        .send()
        .await
        .expect(201);
    assert_eq!(answer.json()["data"]["stored"], true);
    let statistics = app.wait_for_statistics(3).await;
    assert_eq!(statistics["distinct_users"], 1);
    assert_eq!(
        statistics["user_stats"],
        json!({ "total_users": 1, "active_users": 1, "inactive_users": 0 })
    );
    assert_eq!(
        statistics["by_type"],
        json!({ "user_action": 2, "page_view": 1 })
    );
    let days = statistics["by_day"].as_object().expect("days");
    let total: u64 = days
        .values()
        .map(|count| count.as_u64().expect("count"))
        .sum();
    assert_eq!(total, 3);
}

#[rstest]
#[tokio::test]
async fn the_same_event_id_twice_is_stored_once(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let id = uuid::Uuid::now_v7().to_string();
    let mut body = event("home");
    body["event_id"] = id.clone().into();
    app.post(EVENTS)
        .bearer(&token)
        .json(&body)
        .send()
        .await
        .expect(201);
    let again = app
        .post(EVENTS)
        .bearer(&token)
        .json(&body)
        .send()
        .await
        .expect(200);
    assert_eq!(
        again.json()["data"],
        json!({ "event_id": id, "stored": false })
    );
    app.wait_for_statistics(3).await;
}

#[rstest]
#[tokio::test]
async fn a_repeated_event_gets_the_answer_of_the_first(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let ada = app.register_and_log_in("ada").await;
    let eve = app.register_and_log_in("eve").await;
    let send = async |token: &str, key: &str, body: Value| {
        let request = app.post(EVENTS).bearer(token);
        request
            .header("idempotency-key", key)
            .json(&body)
            .send()
            .await
    };
    // On a busy machine the first request may run for a second, and the others are told to come again.
    let repeated = (0..8).map(|_| {
        until("an answer", async || {
            let answer = send(&ada, "\"order-1\"", event("home")).await;
            (answer.status != 409).then_some(answer)
        })
    });
    let answers = futures_util::future::join_all(repeated).await;
    let answers: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.expect(201).json())
        .collect();
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let other = send(&ada, "order-1", event("shop")).await;
    other.expect_problem(422, "idempotency-key-reused");
    // A key belongs to its caller.
    let hers = send(&eve, "order-1", event("shop"))
        .await
        .expect(201)
        .json();
    assert_ne!(hers["data"]["event_id"], answers[0]["data"]["event_id"]);
    send(&ada, "a b", event("home"))
        .await
        .expect_problem(400, "idempotency-key-invalid");
    // An event with an id is known by it.
    let id = uuid::Uuid::now_v7().to_string();
    let identified = |name: &str| {
        let mut body = event(name);
        body["event_id"] = id.clone().into();
        body
    };
    let answer = send(&ada, "order-2", identified("home")).await;
    assert_eq!(
        answer.expect_problem(422, "invalid-fields").pointers(),
        ["/event_id"]
    );
    send(&ada, &id, identified("home")).await.expect(201);
    let other = send(&ada, &id, identified("shop")).await;
    other.expect_problem(422, "idempotency-key-reused");
    app.wait_for_statistics(7).await;
}

/// After an event is written and before that is committed, it waits for a row of a test. A lock would end the first
/// request, too.
const WAIT_FOR_TEST: &str = "create table documents.test_is_over (); \
     create function documents.wait_for_test() returns trigger language plpgsql \
     security definer as $$ begin \
         while not exists (select from documents.test_is_over) loop perform pg_sleep(0.02); end loop; \
         return null; end $$; \
     create trigger wait_for_test after insert on documents.events \
     for each row when (new.body ->> 'event_name' = 'slow') execute function documents.wait_for_test()";

#[rstest]
#[tokio::test]
async fn an_event_with_a_key_is_in_progress_while_the_first_runs(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    // The first request runs for as long as the test takes for the second one.
    let app = Builder::new(mode)
        .env("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "1m")
        .env("SPINDLE_HOST_REQUEST_TIMEOUT", "2m")
        .env("SPINDLE_SERVER_REQUEST_TIMEOUT", "2m")
        .start()
        .await;
    let ada = app.register_and_log_in("ada").await;
    let mut sql = app.admin_connection().await;
    sql.execute(WAIT_FOR_TEST).await.expect("a trigger");
    let send = || {
        let request = app.post(EVENTS).bearer(&ada);
        let request = request.header("idempotency-key", "order-1");
        request.json(&event("slow")).send()
    };
    let first = tokio::spawn(send());
    until("the first request to be written", async || {
        let waiting = "select count(*) from pg_stat_activity \
             where wait_event = 'PgSleep' and datname = current_database()";
        let waiting = sqlx::query_scalar(waiting).fetch_one(&mut sql);
        (waiting.await.ok() == Some(1_i64)).then_some(())
    })
    .await;
    send().await.expect_problem(409, "request-in-progress");
    sql.execute("insert into documents.test_is_over default values")
        .await
        .expect("the end");
    let first = first.await.expect("join").expect(201);
    assert_eq!(send().await.expect(201).text, first.text);
}

#[rstest]
#[tokio::test]
async fn events_of_another_user_or_without_token_are_rejected(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.post(EVENTS)
        .json(&event("home"))
        .send()
        .await
        .expect_problem(401, "unauthenticated");
    let token = app.register_and_log_in("ada").await;
    let mut body = event("home");
    body["user_id"] = uuid::Uuid::now_v7().to_string().into();
    app.post(EVENTS)
        .bearer(&token)
        .json(&body)
        .send()
        .await
        .expect_problem(403, "forbidden");
    // An envelope of an outside caller does not identify a user or a service, so a token is required.
    let sealed = app.seal("analytics", EVENTS, &event("home"));
    app.post(EVENTS)
        .text(&sealed)
        .send()
        .await
        .expect_sealed_problem(&app, 401);
    let sealed = app.seal("analytics", EVENTS, &event("home"));
    app.post(EVENTS)
        .bearer(&token)
        .text(&sealed)
        .send()
        .await
        .expect(201);
    app.wait_for_statistics(3).await;
}

/// Whatever the event, also one whose token is checked in the call that stores it.
#[rstest]
#[tokio::test]
async fn only_a_valid_token_stores_an_event_or_learns_why_not(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let changed = |field: &str, value: Value| {
        let mut event = event("home");
        event[field] = value;
        event
    };
    let events = [
        event("home"),
        json!({}),
        changed("user_id", "someone".into()),
        changed("timestamp", "9000-01-31T12:00:00Z".into()),
    ];
    let forged = format!("{token}x");
    let logout = app.post("/api/v1/users/logout").bearer(&token);
    logout.send().await.expect(200);
    for (token, problem) in [(&forged, "unauthenticated"), (&token, "session-ended")] {
        for event in &events {
            let answer = app.post(EVENTS).bearer(token).json(event).send().await;
            answer.expect_problem(401, problem);
        }
        let keyed = app.post(EVENTS).bearer(token);
        let keyed = keyed.header("idempotency-key", "a b").json(&event("home"));
        keyed.send().await.expect_problem(401, problem);
    }
    // The registration and the login.
    let statistics = app.wait_for_statistics(2).await;
    assert_eq!(statistics["by_type"], json!({ "user_action": 2 }));
}

#[rstest]
#[tokio::test]
async fn a_service_records_events_of_any_user(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let mut body = event("home");
    body["user_id"] = uuid::Uuid::now_v7().to_string().into();
    let text = body.to_string();
    let sealed = app.seal_with(&[
        "--from",
        "user",
        "--to",
        "analytics",
        "--path",
        EVENTS,
        &text,
    ]);
    app.post(EVENTS).text(&sealed).send().await.expect(201);
    assert_eq!(app.wait_for_statistics(1).await["distinct_users"], 1);
}

#[rstest]
#[tokio::test]
async fn invalid_events_are_rejected_field_by_field(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let pointers = async |body: Value| {
        let answer = app.post(EVENTS).bearer(&token).json(&body).send().await;
        answer.expect_problem(422, "invalid-fields").pointers()
    };
    assert_eq!(pointers(json!({})).await, ["/event_name", "/event_type"]);
    assert_eq!(
        pointers(
            json!({ "event_type": "nonsense", "event_name": "", "properties": [], "event_id": "1" })
        )
        .await,
        ["/event_id", "/event_name", "/event_type", "/properties"]
    );
    assert_eq!(
        pointers(json!({ "event_type": "search", "event_name": "x".repeat(101) })).await,
        ["/event_name"]
    );
    let large = json!({ "event_type": "search", "event_name": "x", "properties": { "text": "x".repeat(17_000) } });
    assert_eq!(pointers(large).await, ["/properties"]);
}

#[rstest]
#[tokio::test]
async fn hostile_property_names_are_rejected_or_stored(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    for name in ["$where", "a.b", "", "a\u{0}b", "'; drop table events; --"] {
        let body = json!({ "event_type": "search", "event_name": "x", "properties": { name: 1 } });
        let answer = app.post(EVENTS).bearer(&token).json(&body).send().await;
        assert!(
            matches!(answer.status.as_u16(), 201 | 422),
            "{name:?}: {answer:?}"
        );
    }
    app.get("/api/v1/analytics/stats").send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn each_event_of_a_bulk_has_its_own_outcome(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    const BULK: &str = "/api/v1/analytics/events/bulk";
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let mut known = event("known");
    known["event_id"] = uuid::Uuid::now_v7().to_string().into();
    let mut others = event("hers");
    others["user_id"] = "eve".into();
    let events = json!([known, others, known, event("new"), { "event_name": "x" }]);
    let bulk = json!({ "events": events }).to_string();
    let answer = app.post(BULK).bearer(&token).text(&bulk).send().await;
    let data = answer.expect(200).json()["data"].clone();
    let outcomes: Vec<_> = data["events"].as_array().expect("events").iter().collect();
    let outcomes: Vec<_> = outcomes.iter().map(|event| &event["outcome"]).collect();
    assert_eq!(
        outcomes,
        ["stored", "rejected", "duplicate", "stored", "rejected"]
    );
    assert_eq!(data["stored"], 2);
    assert_eq!(data["events"][4]["errors"][0]["pointer"], "/event_type");
    app.wait_for_statistics(4).await;
    // A sealed bulk is opened once.
    let sealed = app.seal(
        "analytics",
        BULK,
        &json!({ "events": vec![event("x"); 100] }),
    );
    let answer = app.post(BULK).bearer(&token).text(&sealed).send().await;
    assert_eq!(app.open(&answer.expect(200).text)["data"]["stored"], 100);
    let many = json!({ "events": vec![event("x"); 101] });
    let answer = app.post(BULK).bearer(&token).json(&many).send().await;
    assert_eq!(
        answer.expect_problem(422, "invalid-fields").pointers(),
        ["/events"]
    );
    app.wait_for_statistics(104).await;
}

#[tokio::test]
async fn a_declared_index_replaces_the_general_one() {
    let app = App::start(HostMode::Embedded).await;
    let count = "select count(*) from pg_indexes where schemaname = 'documents' \
                 and tablename = $1 and indexdef like '%gin%'";
    let mut sql = app.admin_connection().await;
    for (table, expected) in [("events", 0_i64), ("event_summaries", 1)] {
        let found = sqlx::query_scalar(count)
            .bind(table)
            .fetch_one(&mut sql)
            .await;
        assert_eq!(found.ok(), Some(expected), "{table}");
    }
}
