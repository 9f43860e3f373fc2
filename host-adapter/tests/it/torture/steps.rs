//! PostgreSQL's clock is set while an adapter waits for it. What is timed by it may come later, and nothing gets lost.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use serde_json::json;
use sqlx::Row as _;

use super::postgres::Postgres;
use crate::support::{
    App, Builder, HostMode, cluster,
    customer::{LOGIN, LOGOUT, PROFILE},
    forward::{Flow, Forwarder},
    process::send_signal,
    until,
};

/// Minutes by which the clock is wrong.
const WRONG: i32 = 180;

/// How long a process may go on with the clock that it has read last.
const UNNOTICED: Duration = Duration::from_secs(2);

/// Failures of logins after which an account has a delay.
const FAILURES: usize = 7;

async fn start(database: SecretString, keys: &Path, peer: &Forwarder) -> App {
    Builder::new(HostMode::Embedded)
        .database(database)
        .keys(keys)
        .env("SPINDLE_PASSWORDS_ATTEMPTS_PER_MINUTE", "1000000")
        .env("SPINDLE_PEERS_ANALYTICS_URL", &peer.url)
        .start()
        .await
}

/// Sets PostgreSQL's clock, and waits until all its processes have noticed.
async fn set(postgres: &Postgres, minutes: i32) {
    postgres.clock.set(minutes);
    let begin = Instant::now();
    let mut sql = cluster::connect(&postgres.url()).await;
    until("the clock", async || {
        let query = sqlx::query_scalar("select extract(epoch from clock_timestamp())::float8");
        let database: f64 = query.fetch_one(&mut sql).await.expect("a time");
        let host = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ahead = database - host.expect("a time").as_secs_f64();
        let is_set = (ahead - f64::from(minutes * 60)).abs() < 30.0;
        (is_set && begin.elapsed() > UNNOTICED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_postgresqls_clock_only_delays() {
    let (postgres, directory) = (Postgres::new().await, tempfile::tempdir());
    let directory = directory.expect("a directory");
    let keys = directory.path().join("keys");
    let peer = Forwarder::new();
    set(&postgres, -WRONG).await;
    let app = start(postgres.url(), &keys, &peer).await;
    // The session ends long ago, by the clock that will be right.
    let ended = app.register_and_log_in("ada").await;
    let logout = app.post(LOGOUT).bearer(&ended).send().await;
    logout.expect(200);
    // The messages are leased for a time after the step back, and so is a delay of logins.
    set(&postgres, WRONG).await;
    peer.forward_to(app.fixed_url());
    peer.set_flow(Flow::Stalled);
    app.register("eve").await.expect(201);
    for _ in 0..FAILURES {
        app.log_in("eve", "a wrong password").await;
    }
    // The first delay is of a second, which is short on a busy machine.
    let delayed = until("a delay", async || {
        let answer = app.log_in("eve", "a wrong password").await;
        (answer.status == 429).then_some(answer)
    });
    delayed.await.expect_problem(429, "too-many-attempts");
    let mut sql = cluster::connect(&postgres.url()).await;
    until("a lease", async || {
        let leased = "select count(*) from \"user\".outbox where leased_by is not null";
        let row = sqlx::query(leased).fetch_one(&mut sql).await;
        (row.expect("a count").get::<i64, _>(0) > 0).then_some(())
    })
    .await;
    send_signal(app.host_pid(), "KILL");
    drop(sql);
    set(&postgres, 0).await;
    peer.set_flow(Flow::Open);
    let again = start(postgres.url(), &keys, &peer).await;
    peer.forward_to(again.fixed_url());
    let profile = again.get(PROFILE).bearer(&ended).send().await;
    profile.expect_problem(401, "session-ended");
    let eve = json!({ "username": "eve", "password": crate::support::app::PASSWORD });
    again.post(LOGIN).json(&eve).send().await.expect(200);
    // Two registrations and two logins.
    again.wait_for_statistics(4).await;
    again.stop().await;
    drop(app);
    postgres.stop().await;
}
