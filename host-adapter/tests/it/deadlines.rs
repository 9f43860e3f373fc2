//! The time that the caller of a request gives bounds what is done for the request.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Builder, HostMode,
    scripted::{ReceivedRequest, Reply, ScriptedPeer},
    sidecar::StandaloneAdapter,
    until,
};

/// The milliseconds that a request to the count of users has left.
fn time_left(request: &ReceivedRequest) -> Option<u64> {
    let header = request.headers.get("grpc-timeout")?.to_str().ok()?;
    let is_count = request.path.ends_with("/stats/count");
    is_count.then(|| header.trim_end_matches('m').parse().expect("a number"))
}

#[rstest]
#[tokio::test]
async fn a_deadline_is_passed_on_to_peers(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let counts = json!({ "success": true, "data": { "total_users": 7 } });
    let peer = ScriptedPeer::start(vec![Reply::Status(200, counts.to_string())]).await;
    let app = Builder::new(mode)
        .env("SPINDLE_PEERS_USER_URL", &peer.url)
        .start()
        .await;
    let left = until("a call to the peer", async || {
        // On a slow machine the time may be up before the call.
        let request = app.get("/api/v1/analytics/stats");
        request.header("grpc-timeout", "900m").send().await;
        peer.requests().iter().find_map(time_left)
    })
    .await;
    // Four fifths are for the first attempt. Without a deadline it has 800 ms.
    assert!((1..=720).contains(&left), "{left}");
    until("a call without a deadline", async || {
        app.get("/api/v1/analytics/stats").send().await;
        let requests = peer.requests();
        let mut left = requests.iter().filter_map(time_left);
        left.any(|left| left > 720).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deadline_bounds_statements() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let fetch = async |statement: &str, left: Option<&str>| {
        let mut request = adapter
            .anonymous("postgres/fetch", &json!([statement, []]))
            .bearer(&adapter.sidecar.tokens["user"]);
        if let Some(left) = left {
            request = request.header("grpc-timeout", left);
        }
        request.send().await
    };
    let timeout = async |left| {
        let answer = fetch("select current_setting('statement_timeout')", left).await;
        let answer = (answer.status == 200).then(|| answer.json());
        answer.map_or(Value::Null, |answer| {
            answer["Ok"]["rows"][0][0]["Text"].clone()
        })
    };
    assert_eq!(timeout(None).await, "5s");
    until("a bounded statement", async || {
        // On a slow machine, less time may be left when the statement begins, or none.
        (timeout(Some("2000m")).await == "2500ms").then_some(())
    })
    .await;
    assert_eq!(timeout(None).await, "5s");
    // Without the deadline the statement would run for 5 seconds, and PostgreSQL would say so.
    let sleep = "select pg_sleep(60)::text as is_sleeping";
    let answer = fetch(sleep, Some("300m")).await;
    assert!(
        answer.status != 200 || answer.json()["Err"] == "Timeout",
        "{answer:?}"
    );
    until("the statement to end", async || {
        let running = "select count(*) from pg_stat_activity \
                       where query like '%is_sleeping%' and state = 'active' and pid <> pg_backend_pid()";
        let answer = fetch(running, None).await.expect(200).json();
        let count: &Value = &answer["Ok"]["rows"][0][0]["Int64"];
        (*count == 0).then_some(())
    })
    .await;
}
