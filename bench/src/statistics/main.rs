//! Measures the time of statistics at growing numbers of events, and the events recorded per second.
//! `bench/statistics` starts the application and runs this program.
//!
//! `APP` is the application's URL, `PROJECT` the directory with its settings and keys, and
//! `DATABASE_URL` its PostgreSQL. `MONGODB_URL`, if set, is the MongoDB with its documents. The
//! arguments are the numbers of events. This program writes the events directly to the database, so
//! that a million of them take minutes, not hours.

mod client;
mod ingest;
mod store;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use client::Client;
use store::Store;

/// The same allocator as host-adapter, so that the comparison does not measure allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STATISTICS: &str = "/api/v1/analytics/stats";
const REBUILD: &str = "/api/v1/analytics/stats/rebuild";

/// The age that a reading may have.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Measurements from which the median is taken.
const READINGS: usize = 15;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sizes = std::env::args().skip(1).map(|size| size.parse());
    let sizes = sizes
        .collect::<Result<Vec<u64>, _>>()
        .context("the arguments must be numbers of events")?;
    let client = Client::new()?;
    let store = Store::connect().await?;
    say(&format!("documents in {}", store.name()))?;
    say("    events   rebuild s   default view ms   7 of 90 days ms")?;
    let mut filled = 0;
    for size in sizes {
        store.fill(filled..size).await?;
        filled = filled.max(size);
        let rebuilt = measure_time(rebuild(&client)).await?;
        let all = measure_median(&client, STATISTICS, filled).await?;
        let week = measure_median(
            &client,
            &format!("{STATISTICS}?{}", store::WEEK),
            filled / 90 * 7,
        )
        .await?;
        let (rebuilt, all, week) = (rebuilt.as_secs_f64(), milliseconds(all), milliseconds(week));
        say(&format!(
            "{filled:>10} {rebuilt:>11.1} {all:>17.1} {week:>17.1}"
        ))?;
    }
    ingest::measure(&client, &store).await
}

async fn rebuild(client: &Client) -> anyhow::Result<()> {
    loop {
        let answer = client.post_sealed("client", REBUILD, &json!({})).await?;
        if answer.pointer("/data/done") == Some(&json!(true)) {
            return Ok(());
        }
    }
}

/// Measures the median time of a request. Each response must count at least `at_least` events.
async fn measure_median(client: &Client, path: &str, at_least: u64) -> anyhow::Result<Duration> {
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.len() < READINGS {
        let started = Instant::now();
        let answer: Value = client.get(path).await?;
        let took = started.elapsed();
        let events = answer.pointer("/data/total_events").and_then(Value::as_u64);
        if events >= Some(at_least) {
            times.push(took);
            continue;
        }
        // A reading may be a second old.
        anyhow::ensure!(
            begun.elapsed() < 2 * MAX_AGE,
            "`{path}` counted {events:?} events, expected at least {at_least}"
        );
    }
    times.sort();
    times
        .get(READINGS / 2)
        .copied()
        .context("no request was measured")
}

async fn measure_time(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    work.await?;
    Ok(started.elapsed())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
