//! `host-adapter serve`: authentication, rejected calls, and how a service behaves without it.

use std::net::SocketAddr;

use adapter_wire as wire;
use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    App, Builder, HostMode,
    app::PASSWORD,
    client::Request,
    forward::Fault,
    frames,
    scripted::{Reply, ScriptedPeer},
    sidecar::StandaloneAdapter,
    until,
};

const SELECT: &str = "postgres/fetch";

#[tokio::test]
async fn calls_without_a_token_learn_nothing() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let select = json!(["select 1", []]);
    for function in [SELECT, "no/such-function"] {
        for token in [None, Some(""), Some("wrong"), Some(&*"x".repeat(32))] {
            let mut request = adapter.anonymous(function, &select);
            if let Some(token) = token {
                request = request.bearer(token);
            }
            let answer = request.send().await.expect(401);
            assert_eq!(answer.text, "", "{token:?}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let token = &adapter.sidecar.tokens["user"];
    let basic = adapter
        .anonymous(SELECT, &select)
        .header("authorization", &format!("Basic {token}"));
    basic.send().await.expect(401);
    adapter.call("user", SELECT, &select).await.expect(200);
}

#[tokio::test]
async fn a_token_gives_the_grants_of_its_component() {
    let adapter = StandaloneAdapter::start(&[]).await;
    let select = json!(["select current_user::text", []]);
    let user = adapter.call("user", SELECT, &select).await.expect(200);
    assert!(
        user.json()["Ok"]["rows"][0][0]["Text"].is_string(),
        "{user:?}"
    );
    for other in ["analytics", "gateway"] {
        let denied = adapter.call(other, SELECT, &select).await.expect(200);
        assert!(denied.json()["Err"]["Denied"].is_string(), "{denied:?}");
    }
    until("the denial in the log", async || {
        let log = adapter.log.lock().expect("log");
        log.iter()
            .any(|line| {
                let message = line["message"].as_str().unwrap_or_default();
                line["component"] == "gateway" && message.contains("not granted `postgres`")
            })
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_version_mismatch_says_which_side_is_older() {
    let adapter = StandaloneAdapter::start(&[]).await;
    for (version, behind) in [("0.0.9", "adapter-client"), ("7.0.0", "host-adapter")] {
        let answer = Request::new(Method::POST, &format!("{}/{SELECT}", adapter.url()))
            .header("spindle-adapter-version", version)
            .bearer(&adapter.sidecar.tokens["user"])
            .text("[]")
            .send()
            .await
            .expect(409);
        for part in [version, "0.1.0", &format!("upgrade {behind}")] {
            assert!(answer.text.contains(part), "{part} in {answer:?}");
        }
    }
}

#[tokio::test]
async fn unreadable_calls_are_rejected_with_a_reason() {
    let adapter = StandaloneAdapter::start(&[("SPINDLE_SERVER_MAX_BODY", "64KiB")]).await;
    let call = |function: &'static str, arguments| {
        let adapter = &adapter;
        async move { adapter.call("user", function, &arguments).await }
    };
    let missing = call(SELECT, json!(["select 1"])).await.expect(400);
    assert!(missing.text.contains("arguments"), "{missing:?}");
    let secret = call("passwords/hash", json!("hidden")).await.expect(400);
    assert!(!secret.text.contains("hidden"), "{secret:?}");
    let unknown = call("postgres/drop", json!([])).await.expect(404);
    assert!(unknown.text.contains("no such function"), "{unknown:?}");
    let large = json!(["select 1", [{ "Text": "x".repeat(70_000) }]]);
    let large = call(SELECT, large).await.expect(413);
    assert!(large.text.contains("server.max_body"), "{large:?}");
    // JSON cannot represent infinity, so the call must fail instead of returning another number.
    let infinite = call(SELECT, json!(["select 'infinity'::real as ratio", []])).await;
    let infinite = infinite.expect(200).json();
    assert!(infinite["Err"]["Invalid"].is_string(), "{infinite}");
    let null = call(SELECT, json!(["select $1::float8", [{ "Float64": null }]])).await;
    null.expect(400);
    let url = format!("{}/{SELECT}", adapter.url());
    let get = Request::new(Method::GET, &url).bearer(&adapter.sidecar.tokens["user"]);
    get.send().await.expect(405);
}

/// Sends a call whose body is shorter than its `content-length`, so that it stays in flight.
async fn send_unfinished_call(adapter: &StandaloneAdapter) -> TcpStream {
    let address: SocketAddr = adapter
        .url()
        .trim_start_matches("http://")
        .parse()
        .expect("address");
    let mut stream = TcpStream::connect(address).await.expect("connect");
    let head = format!(
        "POST /{SELECT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         spindle-adapter-version: 0.1.0\r\ncontent-length: 100\r\n\r\n[",
        adapter.sidecar.tokens["user"]
    );
    stream.write_all(head.as_bytes()).await.expect("write");
    stream
}

async fn read_status_line(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 1024];
    let length = stream.read(&mut bytes).await.expect("read");
    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_slow_call_times_out() {
    let adapter = StandaloneAdapter::start(&[
        ("SPINDLE_SERVER_REQUEST_TIMEOUT", "1500ms"),
        ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "1s"),
        ("SPINDLE_DISPATCH_TIMEOUT", "1s"),
        ("SPINDLE_HEALTH_TIMEOUT", "1s"),
    ])
    .await;
    let mut stream = send_unfinished_call(&adapter).await;
    assert_eq!(
        read_status_line(&mut stream).await,
        "HTTP/1.1 504 Gateway Timeout"
    );
}

#[tokio::test]
async fn calls_in_flight_per_component_are_limited() {
    let adapter = StandaloneAdapter::start(&[("SPINDLE_SERVER_MAX_REQUESTS", "1")]).await;
    let mut unfinished_calls = Vec::new();
    let select = json!(["select 1", []]);
    until("the rejection of a second call", async || {
        unfinished_calls.push(send_unfinished_call(&adapter).await);
        let answer = adapter.call("user", SELECT, &select).await;
        (answer.status == 503 && answer.text.contains("server.max_requests")).then_some(())
    })
    .await;
    // The limit applies to each component separately.
    let count = json!(["events", "{}"]);
    adapter
        .call("analytics", "documents/count", &count)
        .await
        .expect(200);
}

#[tokio::test]
async fn requests_fail_while_the_adapter_is_down_and_then_recover() {
    let mut app = App::start(HostMode::Composed).await;
    let token = app.register_and_log_in("ada").await;
    let adapter = app.adapter().process.take().expect("running");
    let profile = || app.get("/api/v1/users/profile").bearer(&token).send();
    let requests: Vec<_> = (0..8).map(|_| profile()).collect();
    let (_, answers) = tokio::join!(adapter.stop(), futures_util::future::join_all(requests));
    for answer in answers {
        assert!(answer.status == 200 || answer.status == 503, "{answer:?}");
    }
    profile().await.expect_problem(503, "unavailable");
    app.log_in("ada", PASSWORD)
        .await
        .expect_problem(503, "unavailable");
    let health = app
        .request_to("user", Method::GET, "/health")
        .send()
        .await
        .expect(503);
    assert!(health.text.contains("adapter"), "{health:?}");
    app.restart_adapter().await;
    until("service as before", async || {
        let answer = app.get("/api/v1/users/profile").bearer(&token).send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

/// An application whose adapter can be replaced by another program, over both ways to call it.
async fn start_composed(over_http: bool) -> App {
    let builder = Builder::new(HostMode::Composed)
        // Enough for an adapter that answers, also on a busy machine.
        .env("SPIN_VARIABLE_ADAPTER_DEADLINE_MS", "3000")
        // If the deadline did not work, this timeout would answer with 504.
        .env("SPINDLE_HOST_REQUEST_TIMEOUT", "12s");
    if over_http {
        builder.over_http().start().await
    } else {
        builder.start().await
    }
}

#[rstest]
#[tokio::test]
async fn a_hanging_adapter_costs_at_most_the_deadline(#[values(false, true)] over_http: bool) {
    let mut app = start_composed(over_http).await;
    let adapter = app.adapter();
    let silent = [Fault::Keep(vec![])];
    adapter.fail_next("user", SELECT, silent).await;
    let answer = app.get("/api/v1/users/stats/count").send().await;
    answer.expect_problem(503, "unavailable");
    let address = app.adapter_address();
    until("the fault", async || address.has_failed().then_some(())).await;
}

#[tokio::test]
async fn the_adapter_can_be_called_by_http() {
    let app = Builder::new(HostMode::Composed).over_http().start().await;
    let token = app.register_and_log_in("ada").await;
    let profile = app.get("/api/v1/users/profile").bearer(&token).send();
    let profile = profile.await.expect(200).json();
    assert_eq!(profile["data"]["username"], "ada");
    app.get("/health").send().await.expect(200);
}

const MISMATCH: &str =
    "adapter-client speaks spindle:adapter 0.1.0 and host-adapter 0.2.0: upgrade adapter-client";

/// What an adapter that serves HTTP only answers to a frame.
const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[rstest]
#[case::of_another_version(frames::answer(wire::Kind::Unavailable, true, MISMATCH.as_bytes()), MISMATCH)]
#[case::without_frames(BAD_REQUEST.to_vec(), "the adapter understands HTTP only: upgrade host-adapter")]
#[tokio::test]
async fn the_log_says_what_to_do_about_an_adapter(#[case] answer: Vec<u8>, #[case] words: &str) {
    let mut app = App::start(HostMode::Composed).await;
    let adapter = app.adapter();
    let fault = [Fault::Answer(answer)];
    adapter.fail_next("user", SELECT, fault).await;
    let answer = app.get("/api/v1/users/stats/count").send().await;
    answer.expect_problem(503, "unavailable");
    app.wait_for_log("what to do", |line| line.to_string().contains(words))
        .await;
}

#[tokio::test]
async fn a_version_mismatch_is_in_the_log_of_the_service() {
    let mut app = start_composed(true).await;
    let other = ScriptedPeer::start(vec![Reply::Status(409, MISMATCH.to_owned())]).await;
    app.adapter().address.forward_to(&other.url);
    app.adapter().process.take().expect("running").stop().await;
    let answer = app.get("/api/v1/users/stats/count").send().await;
    answer.expect_problem(503, "unavailable");
    app.wait_for_log("both versions", |line| line.to_string().contains(MISMATCH))
        .await;
    let requests = other.requests();
    let version = requests[0].headers.get("spindle-adapter-version");
    assert_eq!(version.expect("a version"), "0.1.0");
    assert!(requests[0].headers.contains_key("content-length"));
}
