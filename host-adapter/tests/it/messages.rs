//! Messages that are committed with data: delivered when the peer is available, counted once.

use crate::support::{Builder, HostMode, app::PASSWORD, peer::Peer};
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn messages_to_a_peer_that_is_down_arrive_later(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let peer = Peer::reserve();
    let app = Builder::new(mode)
        .env("SPINDLE_PEERS_ANALYTICS_URL", peer.url())
        .start()
        .await;
    app.register("ada").await.expect(201);
    app.log_in("ada", PASSWORD).await.expect(200);
    let waiting: i64 =
        sqlx::query_scalar("select count(*) from \"user\".outbox where peer = 'analytics'")
            .fetch_one(&mut app.admin_connection().await)
            .await
            .expect("count");
    assert_eq!(waiting, 2);
    // The peer is available again: its address now leads to the real analytics service.
    let _peer = peer.forward_to(app.url("analytics"));
    app.wait_for_statistics(2).await;
    crate::support::until("the outbox to be empty", async || {
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from \"user\".outbox where peer = 'analytics'")
                .fetch_one(&mut app.admin_connection().await)
                .await
                .expect("count");
        (waiting == 0).then_some(())
    })
    .await;
    assert_eq!(app.wait_for_statistics(2).await["total_events"], 2);
}

#[rstest]
#[tokio::test]
async fn messages_survive_a_restart(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let peer = Peer::reserve();
    let first = Builder::new(mode)
        .env("SPINDLE_PEERS_ANALYTICS_URL", peer.url())
        .start()
        .await;
    first.register("ada").await.expect(201);
    let database = first.database.clone();
    let keys = first.directory.path().join("keys");
    crate::support::process::send_signal(first.pid(), "KILL");
    // The killed process may have leased the message. Its lease ends by itself.
    let second = Builder::new(mode)
        .env("SPINDLE_KEYS_DIRECTORY", keys.to_str().expect("text"))
        .database(database)
        .start()
        .await;
    second.wait_for_statistics(1).await;
}

#[rstest]
#[tokio::test]
async fn a_rejected_message_is_kept_and_logged(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    // The adapter is not told of a message that is written by hand.
    let app = Builder::new(mode)
        .env("SPINDLE_DISPATCH_OUTBOX_INTERVAL", "100ms")
        .start()
        .await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    drop(token);
    let mut sql = app.admin_connection().await;
    sqlx::query(
        "insert into \"user\".outbox (id, peer, path, body, idempotency_key) \
         values (gen_random_uuid(), 'analytics', '/api/v1/analytics/events', '{}', 'x')",
    )
    .execute(&mut sql)
    .await
    .expect("insert");
    let report = app.wait_for_log("the report", |line| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.contains("is not deliverable"))
    });
    let report = report.await["message"].to_string();
    let reason: String = crate::support::until("the rejection", async || {
        sqlx::query_scalar("select refusal from \"user\".outbox where refused_at is not null")
            .fetch_optional(&mut app.admin_connection().await)
            .await
            .expect("query")
    })
    .await;
    // The peer's problem, with the fields that it did not accept.
    for part in ["422", "/problems/invalid-fields", "`/event_type` "] {
        assert!(reason.contains(part), "{part}: {reason}");
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[tokio::test]
async fn a_sender_that_is_not_heard_is_logged_with_the_setting() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_COMPONENTS_ANALYTICS_ENVELOPES", "client")
        .start()
        .await;
    app.register("ada").await.expect(201);
    let line = app
        .wait_for_log("the rejection", |line| line["reason"] == "unheard-issuer")
        .await;
    assert_eq!(line["issuer"], "user", "{line}");
    let message = line["message"].as_str().expect("text");
    assert!(
        message.contains("add `user` to `envelopes` in `[components.analytics]`"),
        "{message}"
    );
    app.wait_for_log("the peer's problem", |line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("a body that is not sealed: 4") && message.contains("/problems/")
    })
    .await;
    let warned = app.log().iter().any(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`analytics` does not hear `user`")
    });
    assert!(warned, "it was not told at the start");
}

#[rstest]
#[tokio::test]
async fn one_bad_message_does_not_block_the_others(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = crate::support::App::start(mode).await;
    let mut sql = app.admin_connection().await;
    let insert = |attempts: i32, body: String| {
        sqlx::query(
            "insert into \"user\".outbox (id, peer, path, body, idempotency_key, attempts) \
             values (gen_random_uuid(), 'nobody', '/x', $1, 'x', $2)",
        )
        .bind(body)
        .bind(attempts)
    };
    insert(i32::MAX, "{}".into())
        .execute(&mut sql)
        .await
        .expect("insert");
    app.register("ada").await.expect(201);
    app.wait_for_statistics(1).await;
    let too_large = insert(0, "x".repeat(300_000)).execute(&mut sql).await;
    assert!(
        too_large
            .expect_err("a limit")
            .to_string()
            .contains("outbox_sizes")
    );
}

#[tokio::test]
async fn commands_list_show_retry_and_discard_messages() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_DISPATCH_OUTBOX_INTERVAL", "100ms")
        .start()
        .await;
    let mut sql = app.admin_connection().await;
    let ids: Vec<uuid::Uuid> = (0..3).map(|_| uuid::Uuid::now_v7()).collect();
    let good = r#"{"event_type": "page_view", "event_name": "home"}"#;
    for (id, body) in ids.iter().zip(["{}", good, good]) {
        sqlx::query(
            "insert into \"user\".outbox (id, peer, path, body, idempotency_key, refused_at, refusal, created_at) \
             values ($1, 'analytics', '/api/v1/analytics/events', $2, $1::text, now(), 'a reason', \
                 now() - interval '9 days')",
        )
        .bind(id)
        .bind(body)
        .execute(&mut sql)
        .await
        .expect("a dead letter");
    }
    let run = |arguments: &[&str]| {
        let output = app.run(&[&["outbox"], arguments].concat());
        let text = String::from_utf8(output.stdout).expect("text");
        (output.status.success(), text)
    };
    let (first, second) = (ids[0].to_string(), ids[1].to_string());
    let (_, list) = run(&["list"]);
    assert_eq!(list.matches("dead").count(), 3, "{list}");
    assert!(list.contains("a reason"), "{list}");
    let (_, shown) = run(&["show", &second]);
    assert!(shown.contains(good), "{shown}");
    let depth = crate::support::until("the depth", async || {
        let health = app.request_to("management", reqwest::Method::GET, "/health");
        let health = health.send().await.json();
        let depth = health["outboxes"]["user"].clone();
        (depth["dead"] == 3).then_some(depth)
    });
    assert_eq!(depth.await["waiting"], 0);
    assert_eq!(
        run(&["discard", &first]),
        (true, "it is deleted\n".to_owned())
    );
    assert!(!run(&["discard", &first]).0);
    // A message that is retried is not too old at once.
    assert!(run(&["retry", &second]).0);
    app.wait_for_statistics(1).await;
    assert!(run(&["retry", "--all"]).0);
    app.wait_for_statistics(2).await;
    crate::support::until("the end of both messages", async || {
        (!run(&["show", &second]).0).then_some(())
    })
    .await;
}
