//! The management port: health and metrics.

use std::collections::BTreeSet;

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    outages::start_private_postgres,
    support::{Answer, App, Builder, HostMode, client::Request, cluster, project, until},
};

async fn ask(app: &App, path: &str) -> Answer {
    app.request_to("management", Method::GET, path).send().await
}

/// The value of the metric whose line begins with `name` and contains all of `labels`.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut lines = text.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    lines.next()?.rsplit_once(' ')?.1.parse().ok()
}

#[rstest]
#[tokio::test]
async fn readiness_names_what_is_down(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = std::env::temp_dir().join(format!("spindle-ready-{}", uuid::Uuid::now_v7()));
    let postgres = start_private_postgres(&directory).await;
    let mut admin = cluster::connect(&postgres.url("postgres")).await;
    let create = admin.execute(AssertSqlSafe("create database ready")).await;
    create.expect("create a database");
    drop(admin);
    let app = Builder::new(mode)
        .database(postgres.url("ready"))
        // On a busy machine, even the first connection may take a while.
        .env("SPINDLE_HEALTH_TIMEOUT", "4s")
        .start()
        .await;
    let management = app.management();
    let ask = async |path: &str| {
        Request::new(Method::GET, &format!("{management}{path}"))
            .send()
            .await
    };
    let ready = ask("/ready").await.expect(200).json();
    assert_eq!(
        (&ready["ready"], &ready["phase"]),
        (&json!(true), &json!("serving"))
    );
    assert_eq!(ready["components"]["user"][0]["name"], "postgres");
    assert_eq!(health_command(&app), (Some(0), "ready\n".to_owned()));
    postgres.stop().await.expect("stop");

    let ready = until("the outage to be noticed", async || {
        let answer = ask("/ready").await;
        let named = answer
            .text
            .contains("`user` needs `postgres`, which is down");
        named.then_some(answer)
    });
    ready.await.expect(503);
    ask("/live").await.expect(200);
    let health = ask("/health").await.expect(200).json();
    assert_eq!(health["ready"], false);
    let (code, text) = health_command(&app);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("`user` needs `postgres`, which is down"),
        "{text}"
    );
}

/// The exit status of `host-adapter health`, and what it prints.
fn health_command(app: &App) -> (Option<i32>, String) {
    let address = app.management();
    let address = address.trim_start_matches("http://");
    let mut command = app.command();
    command
        .env("SPINDLE_MANAGEMENT_ADDRESS", address)
        .arg("health");
    let output = command.output().expect("host-adapter runs");
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8(printed).expect("text"),
    )
}

#[tokio::test]
async fn the_port_answers_when_every_other_is_full() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_HOST_MAX_CONNECTIONS", "2")
        .env("SPINDLE_HOST_MAX_REQUESTS", "1")
        .start()
        .await;
    let address = app.url("all routes").trim_start_matches("http://");
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(TcpStream::connect(address).await.expect("a connection"));
    }
    ask(&app, "/live").await.expect(200);
    ask(&app, "/ready").await.expect(200);
    ask(&app, "/metrics").await.expect(200);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_MANAGEMENT_MAX_CONNECTIONS", "1")
        .start()
        .await;
    let address = app.url("management").trim_start_matches("http://");
    let held = TcpStream::connect(address).await.expect("a connection");
    until("the second connection to be closed", async || {
        let second = TcpStream::connect(address).await.expect("a connection");
        second.readable().await.expect("readable");
        matches!(second.try_read(&mut [0; 1]), Ok(0) | Err(_)).then_some(())
    })
    .await;
    drop(held);
    until("a place to be free again", async || {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request).await.ok()?;
        stream.read_to_string(&mut answer).await.ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn requests_are_counted_by_route_and_status(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    app.get("/api/v1/users/profile").send().await.expect(401);
    app.get("/api/v1/users/profile").send().await.expect(401);
    app.get("/api/v1/users/invented").send().await.expect(404);
    let answer = app.get("/").send().await.expect(200);
    assert_eq!(answer.header("x-spindle-route"), "");
    // An answer may arrive before its request has ended.
    let text = until("the end of all requests", async || {
        let text = ask(&app, "/metrics").await.expect(200).text;
        let labels = ["component=\"user\""];
        (value(&text, "http_server_active_requests", &labels) == Some(0.0)).then_some(text)
    })
    .await;
    let count = |route: &str, status: &str| {
        let route = format!("http_route=\"{route}\"");
        let status = format!("http_response_status_code=\"{status}\"");
        let labels = [
            "component=\"user\"",
            "http_request_method=\"GET\"",
            &*route,
            &*status,
        ];
        value(&text, "http_server_request_duration_seconds_count", &labels)
    };
    assert_eq!(count("/api/v1/users/profile", "401"), Some(2.0), "{text}");
    assert_eq!(count("_OTHER", "404"), Some(1.0), "{text}");
}

#[tokio::test]
async fn every_part_is_measured() {
    let app = App::start(HostMode::Embedded).await;
    let token = app.register_and_log_in("ada").await;
    app.get("/api/v1/users/profile")
        .bearer("forged")
        .send()
        .await
        .expect(401);
    app.get("/api/v1/users/profile")
        .bearer(&token)
        .send()
        .await
        .expect(200);
    app.post("/api/v1/users/register")
        .json(&json!({ "encrypted_data": "a.b.c.d.e" }))
        .send()
        .await;
    app.wait_for_statistics(2).await;
    let user = "component=\"user\"";
    // An event may be stored before its sender has got the answer.
    let text = until("a delivery that is counted", async || {
        let text = ask(&app, "/metrics").await.expect(200).text;
        let labels = [user, "analytics", "delivered"];
        value(&text, "spindle_outbox_deliveries_total", &labels).map(|_| text)
    })
    .await;
    for (name, labels) in [
        ("spindle_component_instances", &[user][..]),
        ("spindle_component_instances_created_total", &[user]),
        ("spindle_component_instances_reused_total", &[user]),
        ("spindle_component_instances_trapped_total", &[user]),
        (
            "spindle_adapter_call_duration_seconds_count",
            &[user, "passwords/hash", "outcome=\"ok\""],
        ),
        (
            "db_client_connection_count",
            &["PostgreSQL for `user`", "idle"],
        ),
        ("db_client_connection_max", &["PostgreSQL for `user`"]),
        (
            "db_client_connection_pending_requests",
            &["PostgreSQL for `user`"],
        ),
        (
            "db_client_connection_wait_time_seconds_count",
            &["PostgreSQL for `user`"],
        ),
        (
            "db_client_operation_duration_seconds_count",
            &[user, "postgresql", "SELECT"],
        ),
        (
            "db_client_operation_duration_seconds_count",
            &["analytics", "insert", "events"],
        ),
        (
            "spindle_dispatch_attempt_duration_seconds_count",
            &[user, "peer=\"analytics\"", "201"],
        ),
        (
            "spindle_outbox_deliveries_total",
            &[user, "analytics", "delivered"],
        ),
        (
            "spindle_dispatch_retry_budget",
            &[user, "peer=\"analytics\""],
        ),
        (
            "spindle_dispatch_breaker_state",
            &[user, "peer=\"analytics\""],
        ),
        ("spindle_outbox_messages", &[user, "waiting"]),
        ("spindle_outbox_oldest_age_seconds", &[user]),
        ("spindle_passwords", &["running"]),
        ("spindle_vault_rejected_total", &["token", "malformed"]),
        ("spindle_log_lines_total", &["output=\"stderr\""]),
        ("spindle_log_lines_lost_total", &["output=\"stderr\""]),
        ("process_resident_memory_bytes", &[]),
        ("process_cpu_seconds_total", &[]),
        ("process_start_time_seconds", &[]),
        ("process_open_fds", &[]),
        ("spindle_build_info", &["version"]),
    ] {
        assert!(
            value(&text, name, labels).is_some(),
            "{name} {labels:?} is not in:\n{text}"
        );
    }
    for file in ["alerts.yaml", "dashboard.json"] {
        for name in names_in_queries(file) {
            let is_metric = value(&text, &name, &[]).is_some();
            let is_label = text.contains(&format!("{name}=\""));
            assert!(
                is_metric || is_label,
                "`{name}` of {file} is not in:\n{text}"
            );
        }
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(!text.contains("correct horse"), "{text}");
}

/// The names of metrics and labels in a file of `deploy/monitoring`.
fn names_in_queries(file: &str) -> BTreeSet<String> {
    let path = project().join("deploy/monitoring").join(file);
    let text = std::fs::read_to_string(path).expect("queries");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let prefixes = ["http_", "db_", "process_", "spindle_"];
    let names = words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 10, "{file} has queries: {names:?}");
    // These appear with their first event, which is an outage.
    names
        .into_iter()
        .filter(|name| {
            name != "db_client_connection_timeouts_total"
                && name != "spindle_http_rejected_requests_total"
        })
        .collect()
}
