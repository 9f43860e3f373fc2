//! What statistics cost at growing numbers of events, and how fast events are taken in; run by
//! `bench/statistics`, which starts what is measured.
//!
//! `APP` is where the application listens, `PROJECT` the directory with its settings and keys,
//! `DATABASE_URL` its PostgreSQL and `MONGODB_URL`, if there is one, where its documents are. The
//! arguments are the numbers of events. The events are written past the application, so that a
//! million of them take minutes and not hours.

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

/// As in host-adapter: what is compared is not allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STATISTICS: &str = "/api/v1/analytics/stats";
const REBUILD: &str = "/api/v1/analytics/stats/rebuild";

/// Readings of which the median is told.
const READINGS: usize = 15;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sizes = std::env::args().skip(1).map(|size| size.parse());
    let sizes = sizes
        .collect::<Result<Vec<u64>, _>>()
        .context("numbers of events")?;
    let client = Client::new()?;
    let store = Store::connect().await?;
    say(&format!("documents in {}", store.name()))?;
    say("    events   rebuild s   default view ms   7 of 90 days ms")?;
    let mut filled = 0;
    for size in sizes {
        store.fill(filled..size).await?;
        filled = filled.max(size);
        let rebuilt = timed(rebuild(&client)).await?;
        let all = median(&client, STATISTICS, filled).await?;
        let week = median(
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
        let answer = client.sealed("client", REBUILD, &json!({})).await?;
        if answer.pointer("/data/done") == Some(&json!(true)) {
            return Ok(());
        }
    }
}

/// The median time of a reading, each of which has to count `at_least` events.
async fn median(client: &Client, path: &str, at_least: u64) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..READINGS {
        let started = Instant::now();
        let answer: Value = client.get(path).await?;
        times.push(started.elapsed());
        let events = answer.pointer("/data/total_events").and_then(Value::as_u64);
        anyhow::ensure!(
            events >= Some(at_least),
            "{events:?} events instead of {at_least}"
        );
    }
    times.sort();
    times.get(READINGS / 2).copied().context("no readings")
}

async fn timed(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Duration> {
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
