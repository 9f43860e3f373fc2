//! The embedded host with a component that misbehaves on request (`tests/guests/faulty`).

use secrecy::ExposeSecret as _;
use sqlx::Executor as _;

use crate::support::{
    Builder, HostMode,
    faulty::{manifest, project, start},
};

/// A short request timeout, and the timeouts that must be shorter than it.
const SHORT: [(&str, &str); 4] = [
    ("SPINDLE_HOST_REQUEST_TIMEOUT", "3s"),
    ("SPINDLE_DISPATCH_TIMEOUT", "1s"),
    ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "1s"),
    ("SPINDLE_POSTGRES_ACQUIRE_TIMEOUT", "1s"),
];

#[tokio::test]
async fn a_trap_fails_its_request_and_is_logged() {
    let directory = project(&manifest());
    let app = start(directory.path(), &[]).await;
    app.get("/panic")
        .send()
        .await
        .expect_problem(500, "internal");
    app.get("/").send().await.expect(200);
    let line = app
        .wait_for_log("the trap", |line| {
            line["component"] == "faulty" && line["level"] == "ERROR"
        })
        .await;
    assert!(
        line["message"].as_str().expect("text").contains("faulty"),
        "{line}"
    );
    app.wait_for_log("the panic's own words", |line| {
        line.to_string().contains("as asked")
    })
    .await;
}

#[tokio::test]
async fn a_page_can_read_the_problems_of_the_host() {
    let directory = project(&manifest());
    let app = start(directory.path(), &[]).await;
    let fail = |origin: &'static str| app.get("/panic").header("origin", origin).send();
    let allow = "access-control-allow-origin";
    let answer = fail("https://a.example")
        .await
        .expect_problem(500, "internal");
    assert_eq!(answer.header(allow), "https://a.example");
    assert_eq!(fail("https://b.example").await.header(allow), "");
}

#[tokio::test]
async fn an_endless_computation_is_stopped_and_blocks_no_one() {
    let directory = project(&manifest());
    let app = start(directory.path(), &SHORT).await;
    let endless = tokio::spawn(app.get("/loop").send());
    for _ in 0..20 {
        app.get("/").send().await.expect(200);
    }
    let answer = endless.await.expect("join");
    assert!(matches!(answer.status.as_u16(), 500 | 504), "{answer:?}");
    app.get("/").send().await.expect(200);
}

#[tokio::test]
async fn an_endless_wait_times_out() {
    let directory = project(&manifest());
    let app = start(directory.path(), &SHORT).await;
    app.get("/wait").send().await.expect_problem(504, "timeout");
    app.get("/").send().await.expect(200);
}

#[tokio::test]
async fn a_caller_may_wait_for_less_than_the_timeout() {
    let directory = project(&manifest());
    let app = start(directory.path(), &[("SPINDLE_HOST_REQUEST_TIMEOUT", "4m")]).await;
    let waiting = app.get("/wait").header("grpc-timeout", "50m").send();
    waiting.await.expect_problem(504, "timeout");
    let patient = app.get("/").header("grpc-timeout", "1H").send();
    patient.await.expect(200);
}

#[tokio::test]
async fn memory_is_limited_per_instance() {
    let directory = project(&manifest());
    let app = start(
        directory.path(),
        &[("SPINDLE_HOST_MEMORY_PER_INSTANCE", "16MiB")],
    )
    .await;
    app.get("/memory/8").send().await.expect(200);
    app.get("/memory/32")
        .send()
        .await
        .expect_problem(500, "internal");
    app.get("/").send().await.expect(200);
}

#[tokio::test]
async fn requests_above_the_limit_are_rejected_at_once() {
    let directory = project(&manifest());
    let app = start(directory.path(), &[("SPINDLE_HOST_MAX_REQUESTS", "2")]).await;
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..2 {
        held.spawn(app.get("/wait").send());
    }
    app.wait_for_requests_in_flight("faulty", 2).await;
    for _ in 0..4 {
        let answer = app.get("/").send().await.expect_problem(503, "overloaded");
        assert!(!answer.header("retry-after").is_empty());
    }
    held.shutdown().await;
    crate::support::until("a place after the clients hung up", async || {
        (app.get("/").send().await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_wait_while_all_instances_are_busy() {
    let directory = project(&manifest());
    let limits = [
        ("SPINDLE_HOST_MAX_INSTANCES", "1"),
        ("SPINDLE_HOST_CONCURRENCY_PER_INSTANCE", "1"),
    ];
    let app = start(directory.path(), &limits).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..5 {
        requests.spawn(app.get("/pause/100").send());
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_that_gets_no_instance_is_rejected() {
    let directory = project(&manifest());
    let limits = [
        ("SPINDLE_HOST_MAX_INSTANCES", "1"),
        ("SPINDLE_HOST_CONCURRENCY_PER_INSTANCE", "1"),
    ];
    let app = start(directory.path(), &[&SHORT[..], &limits].concat()).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..3 {
        requests.spawn(app.get("/wait").send());
    }
    for answer in requests.join_all().await {
        assert!(matches!(answer.status.as_u16(), 503 | 504), "{answer:?}");
    }
    crate::support::until("an answer", async || {
        (app.get("/").send().await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_to_be_accepted() {
    let directory = project(&manifest());
    let app = start(directory.path(), &[("SPINDLE_HOST_MAX_CONNECTIONS", "1")]).await;
    let first = std::net::TcpStream::connect(app.url("all routes").trim_start_matches("http://"));
    let first = first.expect("connect");
    // The kernel accepts the connection. The host answers only after the first connection closes.
    let second = tokio::spawn(app.get("/").send());
    app.request_to("faulty", reqwest::Method::GET, "/")
        .send()
        .await
        .expect(200);
    assert!(!second.is_finished());
    drop(first);
    second.await.expect("join").expect(200);
}

#[tokio::test]
async fn an_instance_is_replaced_after_its_request_limit() {
    let directory = project(&manifest());
    let app = start(
        directory.path(),
        &[
            ("SPINDLE_HOST_THREADS", "1"),
            ("SPINDLE_HOST_REQUESTS_PER_INSTANCE", "3"),
        ],
    )
    .await;
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push(app.get("/count").send().await.expect(200).text);
    }
    assert_eq!(counts, ["1", "2", "3", "1", "2", "3", "1"]);
}

#[tokio::test]
async fn variables_and_environment_reach_the_component() {
    let directory = project(&manifest());
    let app = start(directory.path(), &[("SPIN_VARIABLE_COLOUR", "blue")]).await;
    assert_eq!(
        app.get("/variable/colour").send().await.expect(200).text,
        "dark blue"
    );
    assert_eq!(
        app.get("/environment/SHAPE").send().await.expect(200).text,
        "round"
    );
    assert_eq!(
        app.get("/environment/DATABASE_URL")
            .send()
            .await
            .expect(200)
            .text,
        ""
    );
    assert_eq!(app.get("/files").send().await.expect(200).text, "0");
}

#[tokio::test]
async fn requests_in_flight_finish_before_the_stop() {
    const LOGINS: usize = 8;
    // Each login needs a connection while it waits for the lock below.
    let builder = Builder::new(HostMode::Embedded).patient();
    let builder = builder.env("SPINDLE_POSTGRES_CONNECTIONS", "16");
    let app = builder.start().await;
    let mut blocker = app.admin_connection().await;
    let lock = "begin; lock table \"user\".login_attempts in exclusive mode";
    blocker.execute(lock).await.expect("lock");
    let mut logins = tokio::task::JoinSet::new();
    for number in 0..LOGINS {
        let username = format!("nobody{number}");
        let body = serde_json::json!({ "username": username, "password": "wrong password" });
        let request = app.post("/api/v1/users/login").json(&body);
        logins.spawn(request.send());
    }
    app.wait_for_requests_in_flight("user", LOGINS).await;
    crate::support::process::send_signal(app.pid(), "TERM");
    let stops =
        |line: &serde_json::Value| line["message"] == "stopping after the requests in flight";
    app.wait_for_log("the stop", stops).await;
    blocker.execute("commit").await.expect("commit");
    for answer in logins.join_all().await {
        answer.expect(401);
    }
    let (code, log) = app.stop().await;
    assert_eq!(code, Some(0), "{log:#?}");
    for line in log {
        for key in ["timestamp", "level", "component", "message"] {
            assert!(line[key].is_string(), "`{key}` is missing: {line}");
        }
    }
}

#[tokio::test]
async fn an_unsupported_manifest_key_prevents_the_start() {
    let directory = project(&format!("{}key_value_stores = [\"default\"]\n", manifest()));
    let database = crate::support::cluster::database().await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_host-adapter"))
        .args(["up", "--project"])
        .arg(directory.path())
        .env("SPINDLE_LISTEN_APP", "127.0.0.1:0")
        .env("SPINDLE_LISTEN_FAULTY", "127.0.0.1:0")
        .env("SPINDLE_MANAGEMENT_ADDRESS", "127.0.0.1:0")
        .env("DATABASE_URL", database.expose_secret())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("component.faulty.key_value_stores"),
        "{text}"
    );
}
