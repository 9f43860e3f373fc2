//! PostgreSQL and MongoDB are killed or hang while documents are written, and recover.

use rstest::rstest;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use adapter_capabilities::documents::InsertOutcome;
use host_adapter::dev::{Options, PrivatePostgres};
use mongodb::bson::doc;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use crate::support::{
    App, Builder, HostMode, capabilities::Granted, cluster, forward::Forwarder, mongodb as server,
    process::send_signal, until,
};

const WRITES: usize = 1_000;
const WRITERS: usize = 16;

/// The number of acknowledged writes before the store is killed.
const WRITES_BEFORE_KILL: usize = 300;

/// The answers that the clients received.
#[derive(Default)]
struct Outcomes {
    acknowledged: AtomicUsize,
    rejected: AtomicUsize,
}

/// Writes events while `outage` kills and restarts the store, and returns their ids. The clients
/// choose the ids, and repeat each write until it is acknowledged.
async fn write_during_outage(app: &App, outage: impl AsyncFnOnce(&Outcomes)) -> BTreeSet<String> {
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let outcomes = Arc::new(Outcomes::default());
    let ids: Vec<String> = (0..WRITES)
        .map(|_| uuid::Uuid::now_v7().to_string())
        .collect();
    let writers = ids.chunks(WRITES.div_ceil(WRITERS)).map(|share| {
        let outcomes = outcomes.clone();
        let token = &token;
        async move {
            for id in share {
                until(&format!("event {id}"), async || {
                    write_event(app, token, id, &outcomes).await
                })
                .await;
            }
        }
    });
    let writing = futures_util::future::join_all(writers);
    futures_util::future::join(writing, outage(&outcomes)).await;
    assert_eq!(outcomes.acknowledged.load(Ordering::Relaxed), WRITES);
    ids.into_iter().collect()
}

async fn write_event(app: &App, token: &str, id: &str, outcomes: &Outcomes) -> Option<()> {
    let body = json!({ "event_id": id, "event_type": "page_view", "event_name": id });
    let answer = app
        .post("/api/v1/analytics/events")
        .bearer(token)
        .json(&body)
        .send()
        .await;
    match answer.status.as_u16() {
        200 | 201 => {
            outcomes.acknowledged.fetch_add(1, Ordering::Relaxed);
            Some(())
        }
        503 | 504 => {
            outcomes.rejected.fetch_add(1, Ordering::Relaxed);
            None
        }
        _ => panic!("{answer:?}"),
    }
}

impl Outcomes {
    async fn wait_for_acknowledgements(&self) {
        until("the first writes", async || {
            (self.acknowledged.load(Ordering::Relaxed) >= WRITES_BEFORE_KILL).then_some(())
        })
        .await;
    }

    async fn wait_for_rejection(&self) {
        until("a rejection", async || {
            (self.rejected.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
    }
}

async fn assert_healthy(app: &App, kind: &str) {
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
    // The server has another port after the restart, because another process may have taken the first one meanwhile.
    let address = Forwarder::new();
    let url = format!("{}/outage?directConnection=true", address.url_as("mongodb")).into();
    let start = async || {
        let server = server::start_private_server(Some(directory.path())).await;
        address.forward_to(&format!("mongodb://127.0.0.1:{}", server.port()));
        server
    };
    let mut mongodb = Some(start().await);
    let app = Builder::new(mode).mongodb(&url).start().await;
    assert_healthy(&app, "mongodb").await;
    let ids = write_during_outage(&app, async |outcomes| {
        outcomes.wait_for_acknowledgements().await;
        send_signal(mongodb.as_ref().expect("running").pid(), "KILL");
        outcomes.wait_for_rejection().await;
        drop(mongodb.take());
        mongodb = Some(start().await);
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
    app.wait_for_statistics(WRITES as u64 + 2).await;
    assert_healthy(&app, "mongodb").await;
}

#[rstest]
#[tokio::test]
async fn calls_to_a_hanging_mongodb_time_out(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let mongodb = server::start_private_server(None).await;
    let app = Builder::new(mode).mongodb(&mongodb.url("outage"));
    let app = app
        .env("SPINDLE_MONGODB_CONNECTIONS", "1")
        // Also the time for the first connection to a server that has just been started.
        .env("SPINDLE_MONGODB_ACQUIRE_TIMEOUT", "3s")
        .env("SPINDLE_MONGODB_OPERATION_TIMEOUT", "1s")
        .start()
        .await;
    let token = app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let outcomes = Outcomes::default();
    // The server is suspended, not ended. As with a broken network, connections stay open and the
    // server does not answer.
    send_signal(mongodb.pid(), "STOP");
    let ids: Vec<String> = (0..4).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let writes = ids
        .iter()
        .map(|id| write_event(&app, &token, id, &outcomes));
    let stored = futures_util::future::join_all(writes).await;
    assert_eq!(stored, [None; 4], "nothing can have been acknowledged");
    let health = app.request_to("analytics", Method::GET, "/health").send();
    let health = health.await.expect(503).json();
    let documents = &health["dependencies"]["documents"];
    assert_eq!(documents["status"], "down", "{health}");
    send_signal(mongodb.pid(), "CONT");
    for id in &ids {
        until("the write", async || {
            write_event(&app, &token, id, &outcomes).await
        })
        .await;
    }
    // Each write is counted once, even if its first attempt was stored after the timeout.
    app.wait_for_statistics(6).await;
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
    // The default options are durable. Otherwise a commit is acknowledged before it is written.
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
    assert_healthy(&app, "postgresql").await;
    let mut postgres = Some(postgres);
    let ids = write_during_outage(&app, async |outcomes| {
        outcomes.wait_for_acknowledgements().await;
        let file = postgres
            .as_ref()
            .expect("running")
            .directory()
            .join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).expect("the server's pid");
        let pid = text.lines().next().map(str::parse).expect("a line");
        send_signal(pid.expect("a number"), "KILL");
        outcomes.wait_for_rejection().await;
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
    app.wait_for_statistics(WRITES as u64 + 2).await;
    assert_healthy(&app, "postgresql").await;
    drop((app, connection));
    postgres.expect("running").stop().await.expect("stop");
    std::fs::remove_dir_all(&directory).expect("remove the cluster");
}

#[tokio::test]
async fn counts_leave_connections_for_inserts() {
    const COUNTS: usize = 40;
    // A busy machine may take long to open the connection for the insert.
    let settings = "[postgres]\nacquire_timeout = \"9s\"\nstatement_timeout = \"9s\"\n\
        [components.test]\ncollections = [\"events\", \"large\"]\n";
    let granted = Granted::new(settings).await;
    let capabilities = granted.capabilities_of("test").on_thread(0);
    let documents = capabilities.documents().expect("granted");
    let mut sql = cluster::connect(&granted.database).await;
    // No count of this collection can end.
    let mut blocker = sql.begin().await.expect("begin");
    blocker
        .execute("lock table documents.large in access exclusive mode")
        .await
        .expect("lock");
    let counts = (0..COUNTS).map(|_| documents.count("large", "{}"));
    let counts = futures_util::future::join_all(counts);
    let insert = async {
        let document = vec![json!({ "_id": "a" }).to_string()];
        let outcome = documents.insert("events", &document).await;
        blocker.rollback().await.expect("rollback");
        outcome
    };
    let (counted, inserted) = futures_util::future::join(counts, insert).await;
    assert_eq!(inserted, Ok(vec![InsertOutcome::Inserted]));
    let busy = counted.iter().filter(|count| count.is_err()).count();
    assert!(counted.contains(&Ok(0)) && busy < COUNTS, "{counted:?}");
}
