//! The document store is killed in the middle of many writes and comes back, PostgreSQL and MongoDB.

use rstest::rstest;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use host_adapter::dev::{Options, PrivatePostgres};
use mongodb::bson::doc;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::support::{App, Builder, HostMode, cluster, mongodb as server, process::signal, until};

const WRITES: usize = 1_000;
const WRITERS: usize = 16;

/// So many are acknowledged before the store is killed.
const BEFORE: usize = 300;

/// What the clients saw.
#[derive(Default)]
struct Seen {
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
}

/// Writes events with ids of the clients' own, each again until it is acknowledged, while `outage`
/// kills the store and starts it again. Gives the ids.
async fn write_through(app: &App, outage: impl AsyncFnOnce(&Seen)) -> BTreeSet<String> {
    let token = app.token("ada").await;
    app.statistics(2).await;
    let seen = Arc::new(Seen::default());
    let ids: Vec<String> = (0..WRITES)
        .map(|_| uuid::Uuid::now_v7().to_string())
        .collect();
    let writers = ids.chunks(WRITES.div_ceil(WRITERS)).map(|share| {
        let seen = seen.clone();
        let token = &token;
        async move {
            for id in share {
                until(&format!("event {id}"), async || {
                    write(app, token, id, &seen).await
                })
                .await;
            }
        }
    });
    let writing = futures_util::future::join_all(writers);
    futures_util::future::join(writing, outage(&seen)).await;
    assert_eq!(seen.acknowledged.load(Ordering::Relaxed), WRITES);
    ids.into_iter().collect()
}

async fn write(app: &App, token: &str, id: &str, seen: &Seen) -> Option<()> {
    let body = json!({ "event_id": id, "event_type": "page_view", "event_name": id });
    let answer = app
        .post("/api/v1/analytics/events")
        .bearer(token)
        .json(&body)
        .send()
        .await;
    match answer.status.as_u16() {
        200 | 201 => {
            seen.acknowledged.fetch_add(1, Ordering::Relaxed);
            Some(())
        }
        503 | 504 => {
            seen.refused.fetch_add(1, Ordering::Relaxed);
            None
        }
        _ => panic!("{answer:?}"),
    }
}

impl Seen {
    async fn enough_acknowledged(&self) {
        until("the first writes", async || {
            (self.acknowledged.load(Ordering::Relaxed) >= BEFORE).then_some(())
        })
        .await;
    }

    async fn a_refusal(&self) {
        until("a refusal", async || {
            (self.refused.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
    }
}

async fn health(app: &App, kind: &str) {
    let answer = app.request_to("analytics", Method::GET, "/health").send();
    let health = answer.await.expect(200).json();
    let documents = &health["dependencies"]["documents"];
    assert_eq!(documents["kind"], kind, "{health}");
    assert_eq!(documents["status"], "up", "{health}");
}

#[rstest]
#[tokio::test]
async fn a_killed_mongodb_loses_no_acknowledged_write(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = tempfile::tempdir().expect("a directory");
    let mongodb = server::own_server(Some((directory.path(), None))).await;
    let (url, port) = (mongodb.url("outage"), mongodb.port());
    let mut mongodb = Some(mongodb);
    let app = Builder::new(mode).mongodb(&url).start().await;
    health(&app, "mongodb").await;
    let ids = write_through(&app, async |seen| {
        seen.enough_acknowledged().await;
        signal(mongodb.as_ref().expect("running").pid(), "KILL");
        seen.a_refusal().await;
        drop(mongodb.take());
        mongodb = Some(server::own_server(Some((directory.path(), Some(port)))).await);
    })
    .await;
    let events = server::connect(&url)
        .await
        .collection::<mongodb::bson::Document>("events");
    let mut found = events
        .find(doc! { "event_type": "page_view" })
        .await
        .expect("events");
    let mut names = Vec::new();
    while found.advance().await.expect("an event") {
        let name = found.current().get_str("event_name").expect("a name");
        names.push(name.to_owned());
    }
    assert_eq!(names.len(), WRITES);
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), ids);
    app.statistics(WRITES as u64 + 2).await;
    health(&app, "mongodb").await;
}

#[rstest]
#[tokio::test]
async fn calls_to_a_hanging_mongodb_time_out(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let mongodb = server::own_server(None).await;
    let app = Builder::new(mode).mongodb(&mongodb.url("outage"));
    let app = app
        .env("SPINDLE_MONGODB_CONNECTIONS", "1")
        .env("SPINDLE_MONGODB_ACQUIRE_TIMEOUT", "1s")
        .env("SPINDLE_MONGODB_OPERATION_TIMEOUT", "1s")
        .start()
        .await;
    let token = app.token("ada").await;
    app.statistics(2).await;
    let seen = Seen::default();
    // Stopped, not ended: connections stay open, and nothing answers, as behind a dead network.
    signal(mongodb.pid(), "STOP");
    let ids: Vec<String> = (0..4).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let writes = ids.iter().map(|id| write(&app, &token, id, &seen));
    let stored = futures_util::future::join_all(writes).await;
    assert_eq!(stored, [None; 4], "nothing can have been acknowledged");
    let health = app.request_to("analytics", Method::GET, "/health").send();
    let health = health.await.expect(503).json();
    let documents = &health["dependencies"]["documents"];
    assert_eq!(documents["status"], "down", "{health}");
    signal(mongodb.pid(), "CONT");
    for id in &ids {
        until("the write", async || write(&app, &token, id, &seen).await).await;
    }
    // Whether or not one of the four that were given up had arrived.
    app.statistics(6).await;
}

#[rstest]
#[tokio::test]
async fn an_unreachable_mongodb_is_reported_without_password(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_host-adapter"));
    command
        .env("DATABASE_URL", app.database.expose_secret())
        .env("SPINDLE_KEYS_DIRECTORY", app.directory.path().join("keys"))
        .env("SPINDLE_MONGODB_ACQUIRE_TIMEOUT", "100ms")
        .env("MONGODB_URL", "mongodb://user:hush@127.0.0.1:1/db")
        .args(["migrate", "status", "--project"])
        .arg(crate::support::project());
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && !text.contains("hush"), "{text}");
    assert!(
        text.contains("connecting to MongoDB (`MONGODB_URL`): 127.0.0.1:1"),
        "{text}"
    );
}

#[rstest]
#[tokio::test]
async fn a_killed_postgres_loses_no_acknowledged_write(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = std::env::temp_dir().join(format!("spindle-killed-{}", uuid::Uuid::now_v7()));
    // Durable: without it a commit is acknowledged before it is written.
    let start = async || {
        let started = PrivatePostgres::start(&directory, &Options::default()).await;
        started.expect("PostgreSQL")
    };
    let postgres = start().await;
    let mut admin = cluster::connect(&postgres.url("postgres")).await;
    let create = admin.execute(AssertSqlSafe("create database outage"));
    create.await.expect("create a database");
    let url = postgres.url("outage");
    let app = Builder::new(mode).database(url.clone()).start().await;
    health(&app, "postgresql").await;
    let mut postgres = Some(postgres);
    let ids = write_through(&app, async |seen| {
        seen.enough_acknowledged().await;
        let file = postgres
            .as_ref()
            .expect("running")
            .directory()
            .join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).expect("the server's pid");
        let pid = text.lines().next().map(str::parse).expect("a line");
        signal(pid.expect("a number"), "KILL");
        seen.a_refusal().await;
        postgres = Some(start().await);
    })
    .await;
    let mut connection = cluster::connect(&url).await;
    let rows = sqlx::query("select body ->> 'event_name' from documents.events where body ->> 'event_type' = 'page_view'")
        .fetch_all(&mut connection)
        .await
        .expect("events");
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names.len(), WRITES);
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), ids);
    app.statistics(WRITES as u64 + 2).await;
    health(&app, "postgresql").await;
    drop((app, connection));
    postgres.expect("running").stop().await.expect("stop");
    std::fs::remove_dir_all(&directory).expect("remove the cluster");
}
