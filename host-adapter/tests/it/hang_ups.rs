//! Work ends with its client.

use rstest::rstest;
use sqlx::Connection as _;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{
    App, Builder, HostMode,
    faulty::{manifest, project},
    until,
};

/// Time limits that are longer than a test waits. What ends before ends with its client.
const LONG: [(&str, &str); 3] = [
    ("SPINDLE_HOST_REQUEST_TIMEOUT", "5m"),
    ("SPINDLE_SERVER_REQUEST_TIMEOUT", "5m"),
    ("SPINDLE_POSTGRES_STATEMENT_TIMEOUT", "4m"),
];

/// Statements that run for the client of the test, and not those of the adapter or the test.
const SLEEPING: &str = "select count(*) from pg_stat_activity where state = 'active' \
    and query = 'select true from pg_sleep(240)' and datname = current_database()";

/// Sends a request without waiting for its answer.
async fn send(app: &App, path: &str) -> TcpStream {
    let address = app.url("all routes").trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    client.write_all(head.as_bytes()).await.expect("sent");
    client
}

/// The component, granted PostgreSQL, with these limits.
async fn with_postgres(mode: HostMode, limits: &[(&str, &str)]) -> (App, TempDir) {
    let directory = project(&manifest());
    let settings = directory.path().join("adapter.toml");
    std::fs::write(settings, "[components.faulty]\npostgres = true\n").expect("write");
    let mut builder = Builder::new(mode).project(directory.path(), &["app", "faulty"]);
    for (name, value) in LONG.iter().chain(limits) {
        builder = builder.env(name, *value);
    }
    (builder.start().await, directory)
}

async fn wait_for_statements(admin: &mut sqlx::PgConnection, number: i64) {
    until(&format!("{number} statements"), async || {
        let found = sqlx::query_scalar::<_, i64>(SLEEPING);
        let found = found.fetch_one(&mut *admin).await.expect("a count");
        (found == number).then_some(())
    })
    .await;
}

#[rstest]
#[tokio::test]
async fn a_statement_ends_when_its_client_hangs_up(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let (app, _project) = with_postgres(mode, &[]).await;
    let mut admin = app.admin_connection().await;
    let client = send(&app, "/sleep/240").await;
    wait_for_statements(&mut admin, 1).await;
    drop(client);
    wait_for_statements(&mut admin, 0).await;
    app.wait_for_requests_in_flight("faulty", 0).await;
    let answer = app.get("/sleep/0").send().await.expect(200).text;
    assert!(answer.starts_with("Ok"), "{answer}");
}

#[rstest]
#[tokio::test]
async fn an_answer_that_nobody_gets_is_no_warning(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let builder = Builder::new(mode).patient();
    let app = builder.env("LOG_LEVEL", "DEBUG").start().await;
    let (mut sql, mut admin) = (app.admin_connection().await, app.admin_connection().await);
    let mut blocker = admin.begin().await.expect("begin");
    sqlx::query("lock table \"user\".user_counts in access exclusive mode")
        .execute(&mut *blocker)
        .await
        .expect("lock");
    let client = send(&app, "/api/v1/users/stats/count").await;
    // Before, the request may be in flight without an instance, which then has nothing to say.
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event_type = 'Lock' and query like '%user_counts%'";
    until("the statement", async || {
        let waiting = sqlx::query_scalar::<_, i64>(waiting);
        let waiting = waiting.fetch_one(&mut sql).await.expect("a count");
        (waiting == 1).then_some(())
    })
    .await;
    drop(client);
    let is_about_it = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        line["component"] == "user" && message.starts_with("could not serve a request")
    };
    // Composed, the call to the adapter goes on, and the instance is ended before it can say anything.
    if mode == HostMode::Embedded {
        let line = app
            .wait_for_log("the request that ended", is_about_it)
            .await;
        assert_eq!(line["level"], "DEBUG", "{line}");
    }
    app.wait_for_requests_in_flight("user", 0).await;
    let warnings = app.log().into_iter().filter(is_about_it);
    let warnings: Vec<_> = warnings.filter(|line| line["level"] != "DEBUG").collect();
    assert_eq!(warnings, [] as [serde_json::Value; 0]);
}

#[rstest]
#[tokio::test]
async fn calls_above_the_limit_are_unavailable(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let limits = [
        ("SPINDLE_HOST_MAX_CALLS", "2"),
        ("SPINDLE_SERVER_MAX_REQUESTS", "2"),
    ];
    let (app, _project) = with_postgres(mode, &limits).await;
    let mut admin = app.admin_connection().await;
    let first = send(&app, "/sleep/240").await;
    let second = send(&app, "/sleep/240").await;
    wait_for_statements(&mut admin, 2).await;
    let third = app.get("/sleep/0").send().await.expect(200).text;
    assert!(third.contains("Unavailable"), "{third}");
    drop((first, second));
    until("a call within the limit", async || {
        let answer = app.get("/sleep/0").send().await.expect(200).text;
        answer.starts_with("Ok").then_some(())
    })
    .await;
}

#[rstest]
#[case::waits("/wait")]
#[case::computes("/loop")]
#[tokio::test]
async fn an_instance_is_freed_when_its_client_hangs_up(#[case] path: &str) {
    let directory = project(&manifest());
    let limits = [
        ("SPINDLE_HOST_MAX_INSTANCES", "1"),
        ("SPINDLE_HOST_CONCURRENCY_PER_INSTANCE", "1"),
        ("SPINDLE_HOST_MAX_REQUESTS", "1"),
    ];
    let environment = [&LONG[..], &limits].concat();
    let app = crate::support::faulty::start(directory.path(), &environment).await;
    let client = send(&app, path).await;
    app.wait_for_requests_in_flight("faulty", 1).await;
    app.get("/").send().await.expect_problem(503, "overloaded");
    drop(client);
    until("an answer", async || {
        (app.get("/").send().await.status == 200).then_some(())
    })
    .await;
    let failed = |line: &serde_json::Value| line["level"] == "ERROR";
    assert_eq!(app.log().into_iter().find(failed), None);
}

#[tokio::test]
async fn an_instance_goes_on_for_its_other_clients() {
    let directory = project(&manifest());
    let environment = [&LONG[..], &[("SPINDLE_HOST_THREADS", "1")]].concat();
    let app = crate::support::faulty::start(directory.path(), &environment).await;
    let leaving = send(&app, "/wait").await;
    app.wait_for_requests_in_flight("faulty", 1).await;
    // Longer than a guest may go on with a request that is given up. On a busy machine it may be over before it is
    // seen, and is sent again.
    let staying = until("both requests", async || {
        let staying = tokio::spawn(app.get("/pause/4000").send());
        until("both requests in flight, or the end of one", async || {
            let are_there = app.requests_in_flight("faulty").await == 2;
            (are_there || staying.is_finished()).then_some(())
        })
        .await;
        (!staying.is_finished()).then_some(staying)
    })
    .await;
    drop(leaving);
    assert_eq!(staying.await.expect("join").expect(200).text, "original");
    app.wait_for_requests_in_flight("faulty", 0).await;
}
