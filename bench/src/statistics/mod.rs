//! Measures the time of statistics at growing numbers of events (all events, seven days, and a rebuild), and
//! the events per second through the sealed route beside direct inserts into the document store.
//!
//! Documents are in PostgreSQL, or in the MongoDB at `MONGODB_URL`, whose database must be empty. Events are
//! written directly to the database, so that a million of them take minutes, not hours.

mod client;
mod ingest;
mod store;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

pub(crate) use client::Client;
pub(crate) use store::{Store, WEEK};

use crate::{
    hosts::{Host, Kind},
    lab::Lab,
    say,
};

/// The route of the statistics.
pub(crate) const STATISTICS: &str = "/api/v1/analytics/stats";

/// The age that a reading may have.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Measurements from which the median is taken.
const READINGS: usize = 15;

pub(crate) async fn run(sizes: &[u64], lab: &Lab) -> anyhow::Result<()> {
    let host = Host::start(Kind::Embedded, lab, &lab.checkout, "embedded").await?;
    let client = Client::new(&host)?;
    let project = host.project.as_ref().context("the host has no project")?;
    let store = Store::connect(&project.database).await?;
    say(&format!("documents in {}", store.name()))?;
    say("    events   rebuild s   default view ms   7 of 90 days ms")?;
    let mut filled = 0;
    for size in sizes {
        store.fill(filled..*size).await?;
        filled = filled.max(*size);
        let rebuilt = measure_time(client.rebuild()).await?;
        let all = measure_median(&client, STATISTICS, filled).await?;
        let week = format!("{STATISTICS}?{WEEK}");
        let week = measure_median(&client, &week, filled / 90 * 7).await?;
        let (rebuilt, all, week) = (rebuilt.as_secs_f64(), milliseconds(all), milliseconds(week));
        say(&format!(
            "{filled:>10} {rebuilt:>11.1} {all:>17.1} {week:>17.1}"
        ))?;
    }
    ingest::measure(&client, &store).await
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
