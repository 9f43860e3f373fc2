//! `POST /api/v1/analytics/stats/rebuild`, and `host-adapter call`, which sends it.

use rstest::rstest;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{
    App, Builder, HostMode,
    app::PASSWORD,
    cluster,
    events::{
        EVENTS, REBUILD, compute_statistics, count_slices, fetch_statistics, insert_events, rebuild,
    },
    until,
};

const LONG_AGO: &str = "2026-01-05T00:00:00Z";

#[rstest]
#[tokio::test]
async fn a_rebuild_repairs_statistics_under_load(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 22_000, LONG_AGO, 1, 1_500).await;
    until("slices", async || {
        fetch_statistics(&app).await;
        (count_slices(&mut sql).await == 3).then_some(())
    })
    .await;
    sqlx::query("delete from documents.events where body ->> 'user_id' = 'user-7'")
        .execute(&mut sql)
        .await
        .expect("delete");
    assert_ne!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
    let token = app.register_and_log_in("ada").await;
    for event in ["user_registered", "user_login"] {
        app.wait_for_event(event, &token).await;
    }
    let write = async {
        for _ in 0..50 {
            let event = json!({ "event_type": "search", "event_name": "x" });
            app.post(EVENTS)
                .bearer(&token)
                .json(&event)
                .send()
                .await
                .expect(201);
        }
    };
    let (rebuilt, ()) = futures_util::future::join(rebuild(&app, &app), write).await;
    assert!(rebuilt["events"].as_u64() >= Some(20_000), "{rebuilt}");
    app.wait_for_statistics(
        compute_statistics(&mut sql).await["total_events"]
            .as_u64()
            .expect("total"),
    )
    .await;
    assert_eq!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
    // The rebuild removed the previous statistics: one generation is left, and one summary.
    let generations = |collection: &str| {
        format!(
            "select count(distinct split_part(id, ' ', 1)) from documents.{collection} \
             where id like '% %'"
        )
    };
    let summaries =
        "select count(*) from documents.event_summaries where id not like '% %' and id <> 'turn'";
    for one in [
        generations("event_users"),
        generations("event_summaries"),
        summaries.to_owned(),
    ] {
        until(&one, async || {
            let left = sqlx::query_scalar(sqlx::AssertSqlSafe(one.clone()));
            let left: i64 = left.fetch_one(&mut sql).await.expect("count");
            if left > 1 {
                // A rebuild whose time is up leaves the rest to the next one.
                rebuild(&app, &app).await;
            }
            (left == 1).then_some(())
        })
        .await;
    }
    let users: i64 = sqlx::query_scalar("select count(*) from documents.event_users")
        .fetch_one(&mut sql)
        .await
        .expect("count");
    // The user of the latest events may be in the summary, too.
    assert!((1_499..=1_500).contains(&users), "{users}");
}

#[rstest]
#[tokio::test]
async fn concurrent_rebuilds_reach_the_same_result(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 30_000, LONG_AGO, 1, 2_000).await;
    let restart = async || {
        let sealed = app.seal("analytics", REBUILD, &json!({ "restart": true }));
        app.post(REBUILD).text(&sealed).send().await.expect(200);
    };
    let right = compute_statistics(&mut sql).await;
    let over = AtomicBool::new(false);
    let rebuilds = async {
        futures_util::future::join_all((0..3).map(|_| restart())).await;
        rebuild(&app, &app).await;
        rebuild(&app, &app).await;
        over.store(true, Ordering::Relaxed);
    };
    // Readers see correct statistics during the rebuilds.
    let read = async {
        while !over.load(Ordering::Relaxed) {
            assert_eq!(fetch_statistics(&app).await, right);
        }
    };
    futures_util::future::join(rebuilds, read).await;
    assert_eq!(fetch_statistics(&app).await, right);
}

#[rstest]
#[tokio::test]
async fn a_rebuild_counts_although_an_earlier_one_was_killed(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode).patient().start().await;
    let mut sql = app.admin_connection().await;
    insert_events(&mut sql, 3_000, LONG_AGO, 1, 100).await;
    rebuild(&app, &app).await;
    // A rebuild was killed after it replaced the summary and before it was removed.
    let killed = sqlx::query(
        "insert into documents.event_summaries (id, body) \
         select 'rebuilt_totals', body || '{\"_id\": \"rebuilt_totals\", \"finished\": true}' \
         from documents.event_summaries where id = 'totals' on conflict do nothing",
    );
    killed.execute(&mut sql).await.expect("insert");
    sqlx::query("delete from documents.events where body ->> 'user_id' = 'user-7'")
        .execute(&mut sql)
        .await
        .expect("delete");
    rebuild(&app, &app).await;
    assert_eq!(
        fetch_statistics(&app).await,
        compute_statistics(&mut sql).await
    );
}

#[rstest]
#[tokio::test]
async fn a_rebuild_finds_events_by_their_indexes(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let database = cluster::database().await;
    let mut sql = cluster::connect(&database).await;
    // At this cost, PostgreSQL prefers to read a small table as a whole, as it does a large one at the usual cost.
    let cost = "do $$ begin execute \
        format('alter database %I set random_page_cost = 500', current_database()); end $$";
    sqlx::query(cost).execute(&mut sql).await.expect("set");
    let app = Builder::new(mode).patient().database(database);
    let app = app.start().await;
    insert_events(&mut sql, 3_000, LONG_AGO, 1, 100).await;
    let analyze = sqlx::query("analyze documents.events");
    analyze.execute(&mut sql).await.expect("analyze");
    rebuild(&app, &app).await;
    app.stop().await;
    // Sessions report what they have read at the latest when they end.
    let sessions = "select count(*) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";
    until("the end of all sessions", async || {
        let sessions = sqlx::query_scalar(sessions).fetch_one(&mut sql);
        let sessions: i64 = sessions.await.expect("sessions");
        (sessions == 0).then_some(())
    })
    .await;
    let read = "select idx_scan, seq_tup_read from pg_stat_user_tables where relname = 'events'";
    let read = sqlx::query_as(read).fetch_one(&mut sql).await;
    let (by_index, without): (i64, i64) = read.expect("numbers");
    assert!(by_index > 0);
    assert_eq!(without, 0, "events read without an index");
}

#[rstest]
#[tokio::test]
async fn only_the_operator_may_rebuild_statistics(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let token = app.register_and_log_in("ada").await;
    let expect_forbidden = async |body: &str| {
        let answer = app.post(REBUILD).bearer(&token).text(body).send().await;
        answer.expect_problem(403, "forbidden");
    };
    expect_forbidden("{}").await;
    let by_service = app.seal_with(&[
        "--from",
        "user",
        "--to",
        "analytics",
        "--path",
        REBUILD,
        "{}",
    ]);
    app.post(REBUILD)
        .text(&by_service)
        .send()
        .await
        .expect_sealed_problem(&app, 403);
    let wrong = app.seal("analytics", REBUILD, &json!({ "restart": "yes" }));
    app.post(REBUILD)
        .text(&wrong)
        .send()
        .await
        .expect_sealed_problem(&app, 422);
}

#[rstest]
#[tokio::test]
async fn call_seals_a_request_and_opens_the_answer(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let call = |service: &str, path: &str, more: &[&str]| {
        let target = [
            "call",
            "--to",
            service,
            "--path",
            path,
            "--url",
            app.url("all routes"),
        ];
        app.run(&[&target, more].concat())
    };
    let json = |output: &[u8]| serde_json::from_slice::<Value>(output).expect("JSON");
    let ada =
        json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD }).to_string();
    let output = call("user", "/api/v1/users/register", &[&ada]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(json(&output.stdout)["data"]["username"], "ada");
    // The command prints the answer to a failed request as well, and exits with 1.
    let output = call("user", "/api/v1/users/register", &[&ada]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&output.stdout)["status"], 409);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("409"),
        "{output:?}"
    );
    let answer = app.log_in("ada", PASSWORD).await.expect(200).json();
    let token = answer["access_token"].as_str().expect("a token");
    let output = call(
        "user",
        "/api/v1/users/profile",
        &["--method", "GET", "--token", token],
    );
    assert_eq!(json(&output.stdout)["data"]["username"], "ada");
    let event = r#"{"event_type": "search", "event_name": "x"}"#;
    assert!(
        call("analytics", EVENTS, &["--token", token, event])
            .status
            .success()
    );
    let output = call("analytics", REBUILD, &["{}"]);
    assert_eq!(json(&output.stdout)["data"]["done"], true);
    // The request is sealed for `user` but its path leads to `analytics`.
    assert_eq!(call("user", REBUILD, &["{}"]).status.code(), Some(1));
    let output = app.run(&[
        "call",
        "--to",
        "user",
        "--path",
        "/",
        "--url",
        "http://127.0.0.1:1",
        "{}",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("calling `http://127.0.0.1:1/`"),
        "{output:?}"
    );
}
