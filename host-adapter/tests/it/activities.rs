//! `GET /api/v1/users/activities`, and the requests that record activities.

use rstest::rstest;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::support::{Answer, App, Builder, HostMode, app::PASSWORD, peer::Peer, until};

const PATH: &str = "/api/v1/users/activities";
const STATISTICS: &str = "/api/v1/users/activities/stats";

async fn fetch_page(app: &App, token: &str, query: &str) -> Value {
    let path = format!("{PATH}?{query}");
    let answer = app.get(&path).bearer(token).send().await.expect(200);
    answer.json()["data"].clone()
}

fn actions(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items");
    let action = |item: &Value| item["action"].as_str().map(str::len);
    assert!(items.iter().all(|item| action(item).is_some()), "{page}");
    items
        .iter()
        .filter_map(|item| item["action"].as_str())
        .collect()
}

/// Waits for `count` activities and returns them. Some are delivered in the background.
async fn wait_for_activities(app: &App, token: &str, count: usize) -> Value {
    until(&format!("{count} activities"), async || {
        let page = fetch_page(app, token, "limit=100").await;
        (actions(&page).len() == count).then_some(page)
    })
    .await
}

async fn log_in(app: &App, name: &str, password: &str) -> String {
    let answer = app.log_in(name, password).await.expect(200);
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.expect("a token")
}

async fn log_out(app: &App, token: &str) -> Answer {
    let request = app.post("/api/v1/users/logout").bearer(token);
    request.send().await
}

#[rstest]
#[tokio::test]
async fn activities_are_listed_newest_first(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let first = app.register_and_log_in("ada").await;
    let eve = app.register_and_log_in("eve").await;
    app.log_in("ada", "wrong password").await.expect(401);
    wait_for_activities(&app, &first, 3).await;
    log_out(&app, &first).await.expect(200);
    let token = log_in(&app, "ada", PASSWORD).await;
    for (current, status) in [("wrong password", 403), (PASSWORD, 200)] {
        let body = json!({ "current_password": current, "new_password": "battery staple" });
        app.post("/api/v1/users/password")
            .bearer(&token)
            .json(&body)
            .send()
            .await
            .expect(status);
    }
    let other = log_in(&app, "ada", "battery staple").await;
    let sessions = app.get("/api/v1/users/sessions").bearer(&other);
    let sessions = sessions.send().await.expect(200).json();
    let current = sessions["data"]["items"][0]["id"].as_str().expect("an id");
    app.request(
        reqwest::Method::DELETE,
        &format!("/api/v1/users/sessions/{current}"),
    )
    .bearer(&token)
    .send()
    .await
    .expect(200);
    let page = wait_for_activities(&app, &token, 9).await;
    let expected = [
        "session_ended",
        "logged_in",
        "password_changed",
        "password_change_failed",
        "logged_in",
        "logged_out",
        "login_failed",
        "logged_in",
        "registered",
    ];
    assert_eq!(actions(&page), expected);
    assert_eq!(page["next"], Value::Null);
    let items = page["items"].as_array().expect("items");
    assert!(
        items.iter().all(|item| item["address"] == "127.0.0.1"),
        "{page}"
    );
    assert_eq!(items[0]["session_id"], current);
    assert_eq!(items[1]["session_id"], current);
    assert_eq!(items[6]["session_id"], Value::Null);
    assert_eq!(
        actions(&wait_for_activities(&app, &eve, 2).await),
        ["logged_in", "registered"]
    );
}

#[rstest]
#[tokio::test]
async fn activities_are_filtered_and_counted(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    app.log_in("ada", PASSWORD).await.expect(200);
    let all = wait_for_activities(&app, &token, 3).await;
    let only = fetch_page(&app, &token, "action=logged_in").await;
    assert_eq!(actions(&only), ["logged_in", "logged_in"]);
    let at = |index: usize| all["items"][index]["at"].as_str().expect("a time");
    // The period includes its start and excludes its end.
    let between = fetch_page(&app, &token, &format!("from={}&to={}", at(1), at(0))).await;
    assert_eq!(between["items"], json!([all["items"][1]]));

    let statistics = async |query: &str| {
        let path = format!("{STATISTICS}?{query}");
        let answer = app.get(&path).bearer(&token).send().await.expect(200);
        answer.json()["data"].clone()
    };
    let day = &at(0)[..10];
    let total = statistics("").await;
    assert_eq!(total["total"], 3, "{total}");
    assert_eq!(
        total["by_action"],
        json!({ "logged_in": 2, "registered": 1 })
    );
    let counted: u64 = total["by_day"]
        .as_object()
        .expect("days")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(counted, 3);
    assert!(total["by_day"][day].is_number(), "{total}");
    let latest = statistics(&format!("from={}", at(0))).await;
    assert_eq!(latest["total"], 1, "{latest}");
}

#[rstest]
#[tokio::test]
async fn pages_stay_complete_while_activities_are_added(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    for _ in 0..3 {
        app.log_in("ada", PASSWORD).await.expect(200);
    }
    let all = wait_for_activities(&app, &token, 5).await;
    let mut seen = vec![];
    let mut query = "limit=2".to_owned();
    loop {
        let page = fetch_page(&app, &token, &query).await;
        seen.extend(page["items"].as_array().expect("items").clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("limit=2&cursor={next}");
        app.log_in("ada", PASSWORD).await.expect(200);
        wait_for_activities(&app, &token, 5 + seen.len() / 2).await;
    }
    assert_eq!(json!(seen), all["items"]);
}

#[rstest]
#[tokio::test]
async fn parameters_outside_their_limits_are_reported(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let ask = |query: &str| app.get(&format!("{PATH}?{query}")).bearer(&token).send();
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("cursor=abc", "/cursor"),
        ("action=slept", "/action"),
        ("from=yesterday", "/from"),
        ("limit=1&limit=2", "/limit"),
        ("from=2026-01-31T12:00:00Z&to=2026-01-31T12:00:00Z", "/to"),
    ] {
        let answer = ask(query).await.expect_problem(422, "invalid-fields");
        assert_eq!(answer.pointers(), [pointer], "{query}");
    }
    ask("limit=100").await.expect(200);
    ask(&format!("x={}", "y".repeat(4_096)))
        .await
        .expect_problem(414, "query-too-long");
    app.get(PATH)
        .send()
        .await
        .expect_problem(401, "unauthenticated");
}

#[rstest]
#[tokio::test]
async fn only_the_user_service_records_activities(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let id = uuid::Uuid::now_v7();
    let body = json!({
        "id": id, "user_id": id, "action": "logged_in", "at": "2026-01-31T12:00:00Z",
    });
    let post = || app.post(PATH);
    let seal = |from: &str| {
        let arguments = ["--from", from, "--to", "user", "--path", PATH];
        app.seal_with(&[&arguments[..], &[&body.to_string()]].concat())
    };
    post()
        .json(&body)
        .send()
        .await
        .expect_problem(401, "unauthenticated");
    post()
        .bearer(&token)
        .json(&body)
        .send()
        .await
        .expect_problem(403, "forbidden");
    let sealed = post().bearer(&token).text(&seal("client")).send().await;
    sealed.expect_sealed_problem(&app, 403);
    let sealed = post().text(&seal("analytics")).send().await;
    assert_eq!(sealed.status, 403, "{sealed:?}");
    for _ in 0..2 {
        let sealed = post().text(&seal("user")).send().await;
        assert_eq!(sealed.status, 201, "{sealed:?}");
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from documents.activities where id = $1")
        .bind(id.to_string())
        .fetch_one(&mut app.admin_connection().await)
        .await
        .expect("count");
    assert_eq!(stored, 1, "the same activity twice is stored once");
}

#[rstest]
#[tokio::test]
async fn login_does_not_wait_for_its_activity(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let peer = Peer::reserve();
    let app = Builder::new(mode)
        .env("SPINDLE_PEERS_USER_URL", peer.url())
        .start()
        .await;
    let token = app.register_and_log_in("ada").await;
    assert_eq!(actions(&fetch_page(&app, &token, "").await), [""; 0]);
    let _peer = peer.forward_to(app.url("user"));
    let page = wait_for_activities(&app, &token, 2).await;
    assert_eq!(actions(&page), ["logged_in", "registered"]);
}

#[rstest]
#[tokio::test]
async fn login_succeeds_while_documents_are_unreachable(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    wait_for_activities(&app, &token, 2).await;
    let mut sql = app.admin_connection().await;
    let rename = |from: &str, to: &str| {
        sqlx::AssertSqlSafe(format!("alter table documents.{from} rename to {to}"))
    };
    sql.execute(rename("activities", "gone"))
        .await
        .expect("rename");
    app.log_in("ada", "wrong password").await.expect(401);
    app.wait_for_log("the activity that is lost", |line| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.contains("did not record the activity `login_failed`"))
    })
    .await;
    let other = log_in(&app, "ada", PASSWORD).await;
    log_out(&app, &other).await.expect(200);
    sql.execute(rename("gone", "activities"))
        .await
        .expect("rename");
    let page = wait_for_activities(&app, &token, 4).await;
    let expected = ["logged_out", "logged_in", "logged_in", "registered"];
    assert_eq!(actions(&page), expected);
}

#[rstest]
#[tokio::test]
async fn a_repeated_logout_is_recorded_once(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    // Both logouts need a connection of the adapter's own at the same time. A single thread has both; of two threads,
    // each has one.
    let builder = Builder::new(mode).patient();
    let app = builder.env("SPINDLE_HOST_THREADS", "1").start().await;
    let token = app.register_and_log_in("ada").await;
    let mut blocker = app.admin_connection().await;
    let lock = "begin; lock table tokens.ended_sessions in share mode";
    blocker.execute(lock).await.expect("lock");
    // Both have checked the token before either ends it.
    let logouts = [(); 2].map(|()| {
        let request = app.post("/api/v1/users/logout").bearer(&token);
        tokio::spawn(request.send())
    });
    let mut sql = app.admin_connection().await;
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event_type = 'Lock' and query like '%insert into ended_sessions%'";
    until("both logouts", async || {
        let waiting = sqlx::query_scalar::<_, i64>(waiting);
        let waiting = waiting.fetch_one(&mut sql).await.expect("a count");
        (waiting == 2).then_some(())
    })
    .await;
    blocker.execute("commit").await.expect("commit");
    for logout in logouts {
        logout.await.expect("join").expect(200);
    }
    until("the delivery of all messages", async || {
        let waiting = sqlx::query_scalar::<_, i64>("select count(*) from \"user\".outbox");
        let waiting = waiting.fetch_one(&mut sql).await.expect("a count");
        (waiting == 0).then_some(())
    })
    .await;
    let token = log_in(&app, "ada", PASSWORD).await;
    let page = wait_for_activities(&app, &token, 4).await;
    let expected = ["logged_in", "logged_out", "logged_in", "registered"];
    assert_eq!(actions(&page), expected);
}

/// More old activities than one step removes, and as many that are not old enough.
const FILL: &str = "insert into documents.activities (id, body) \
     select id, jsonb_build_object('_id', id, 'user_id', 'x', 'action', 'logged_in', 'at', \
         jsonb_build_object('$date', to_char((now() - age) at time zone 'UTC', \
             'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))) \
     from (select gen_random_uuid()::text as id, age::interval \
         from generate_series(1, 600), unnest(array['29 days', '31 days']) as age) as given";

#[tokio::test]
async fn old_activities_are_removed_if_that_is_set() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPIN_VARIABLE_ACTIVITIES_MAX_AGE_DAYS", "30")
        // A busy machine may need many logins until it has removed them.
        .env("SPINDLE_PASSWORDS_ATTEMPTS_PER_MINUTE", "100000")
        .patient()
        .start()
        .await;
    let mut sql = app.admin_connection().await;
    sql.execute(FILL).await.expect("insert");
    app.register("ada").await.expect(201);
    until("the old activities to be removed", async || {
        app.log_in("ada", PASSWORD).await.expect(200);
        let count = "select count(*) from documents.activities where body ->> 'user_id' = 'x'";
        let left: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut sql)
            .await
            .expect("count");
        (left == 600).then_some(())
    })
    .await;
}

/// Activities of a user, twelve hours apart, from 30 hours ago on: `$2` of them, of three actions in turn.
const FILL_PAST: &str = "insert into documents.activities (id, body) \
     select id, jsonb_build_object('_id', id, 'user_id', $1::text, \
         'action', (array['logged_in', 'logged_out', 'login_failed'])[1 + n % 3], \
         'at', jsonb_build_object('$date', to_char(at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')), \
         'day', to_char(at, 'YYYY-MM-DD')) \
     from (select gen_random_uuid()::text as id, n, \
             now() at time zone 'UTC' - interval '30 hours' - n * interval '12 hours' as at \
         from generate_series(0, $2::int - 1) as n) as given";

/// Counts the activities of a user by SQL, as the service should.
const COUNT: &str = "select jsonb_build_object('total', count(*), \
     'by_action', (select jsonb_object_agg(a, n) from (select body ->> 'action' as a, count(*) as n from mine group by 1) as x), \
     'by_day', (select jsonb_object_agg(d, n) from (select body ->> 'day' as d, count(*) as n from mine group by 1) as x)) \
     from mine";

async fn count_by_sql(sql: &mut sqlx::PgConnection, user_id: &str, from: &str) -> Value {
    let mine = "with mine as (select body from documents.activities where body ->> 'user_id' = $1 \
        and body -> 'at' ->> '$date' >= $2)";
    let statement = sqlx::AssertSqlSafe(format!("{mine} {COUNT}"));
    let count = sqlx::query_scalar(statement).bind(user_id).bind(from);
    count.fetch_one(sql).await.expect("a count")
}

#[rstest]
#[tokio::test]
async fn statistics_of_past_days_are_kept_and_stay_right(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let registered = app.register("ada").await.expect(201).json();
    let user = registered["data"]["user_id"].as_str().expect("an id");
    let token = log_in(&app, "ada", PASSWORD).await;
    wait_for_activities(&app, &token, 2).await;
    let mut sql = app.admin_connection().await;
    let fill = sqlx::query(FILL_PAST).bind(user).bind(400);
    fill.execute(&mut sql).await.expect("insert");
    let expect = async |sql: &mut sqlx::PgConnection, from: Option<&str>| {
        let query = from.map(|from| format!("?from={from}")).unwrap_or_default();
        let request = app.get(&format!("{STATISTICS}{query}")).bearer(&token);
        let found = request.send().await.expect(200).json()["data"].clone();
        assert_eq!(
            found,
            count_by_sql(sql, user, from.unwrap_or_default()).await
        );
    };
    expect(&mut sql, None).await;
    // Both are made from what is kept: the second removal is one that no version makes.
    let oldest = "delete from documents.activities where id in (select id from documents.activities \
        where body ->> 'user_id' = $1 order by body -> 'at' ->> '$date' limit 25)";
    sqlx::query(oldest)
        .bind(user)
        .execute(&mut sql)
        .await
        .expect("delete");
    expect(&mut sql, None).await;
    let day = time::OffsetDateTime::now_utc() - time::Duration::days(40);
    let noon = format!("{}T12:00:00.000Z", day.date());
    expect(&mut sql, Some(&noon)).await;
    let kept = count_by_sql(&mut sql, user, &noon).await;
    let hidden = "update documents.activities set body = jsonb_set(body, '{user_id}', '\"x\"') \
        where body ->> 'user_id' = $1 and body ->> 'day' = $2";
    let hide = sqlx::query(hidden)
        .bind(user)
        .bind((day + time::Duration::days(5)).date().to_string());
    assert_eq!(
        hide.execute(&mut sql)
            .await
            .expect("update")
            .rows_affected(),
        2
    );
    let request = app.get(&format!("{STATISTICS}?from={noon}")).bearer(&token);
    assert_eq!(request.send().await.expect(200).json()["data"], kept);
    // A late activity has the days counted again.
    let late =
        json!({ "id": uuid::Uuid::now_v7(), "user_id": user, "action": "logged_in", "at": noon });
    let sealed = app.seal_with(&[
        "--from",
        "user",
        "--to",
        "user",
        "--path",
        PATH,
        &late.to_string(),
    ]);
    let answer = app.post(PATH).text(&sealed).send().await;
    assert_eq!(answer.status, 201, "{answer:?}");
    expect(&mut sql, None).await;
    expect(&mut sql, Some(&noon)).await;
    // A reading by a clock that was days ahead has kept today.
    let ahead =
        "update \"user\".activity_counts set until = date_trunc('day', now()) + interval '3 days'";
    let changed = sql.execute(ahead).await.expect("update");
    assert_eq!(changed.rows_affected(), 1);
    let before = count_by_sql(&mut sql, user, "").await["total"].clone();
    log_in(&app, "ada", PASSWORD).await;
    until("the activity of today", async || {
        let request = app.get(STATISTICS).bearer(&token);
        let found = request.send().await.expect(200).json()["data"].clone();
        let is_right = found == count_by_sql(&mut sql, user, "").await;
        (is_right && found["total"] != before).then_some(())
    })
    .await;
}
