//! Compares events per second through the sealed route with direct inserts into the document store.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use hyper::Method;
use serde_json::json;

use super::{Client, Store};
use crate::{routes::EVENTS_PATH, say, summary::Spread};

/// Concurrent requests or inserts.
const CONCURRENCY: usize = 32;

/// Events per round. Their envelopes are sealed before the measurement, and are valid for a minute.
const EVENTS_PER_ROUND: usize = 10_000;

/// Machines are noisy, so the two ways are measured in turn and compared within a round.
const ROUNDS: usize = 5;

pub(crate) async fn measure(client: &Client, store: &Store) -> anyhow::Result<()> {
    let mut ratios = Vec::new();
    say("\n    inserted/s   through the sealed route/s   ratio")?;
    for _ in 0..ROUNDS {
        let inserted = measure_rate(|_| store.insert_one()).await?;
        let event = json!({
            "event_type": "page_view", "event_name": "home", "properties": { "page": "/" },
            "user_id": uuid::Uuid::now_v7().to_string(),
        });
        let seal = |_| client.seal("user", EVENTS_PATH, &event);
        let bodies = (0..EVENTS_PER_ROUND)
            .map(seal)
            .collect::<Result<Vec<_>, _>>()?;
        let sealed = measure_rate(|index| record(client, bodies.get(index))).await?;
        let ratio = sealed / inserted;
        say(&format!("{inserted:>14.0} {sealed:>28.0} {ratio:>7.2}"))?;
        ratios.push(ratio);
    }
    let median = Spread::of(ratios).context("no round was measured")?;
    say(&format!("median ratio {}", median.ratio()))
}

async fn record(client: &Client, body: Option<&String>) -> anyhow::Result<()> {
    let body = body.context("all envelopes are used")?.clone();
    let sent = client.http.send(Method::POST, EVENTS_PATH, None, body);
    let (status, _) = sent.await?;
    anyhow::ensure!(
        status.as_u16() == 201,
        "recording an event failed with status {status}"
    );
    Ok(())
}

/// Runs an operation [`EVENTS_PER_ROUND`] times, and returns operations per second.
async fn measure_rate<F: Future<Output = anyhow::Result<()>>>(
    operation: impl Fn(usize) -> F,
) -> anyhow::Result<f64> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let worker = async || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= EVENTS_PER_ROUND {
                return anyhow::Ok(());
            }
            operation(index).await?;
        }
    };
    try_join_all((0..CONCURRENCY).map(|_| worker())).await?;
    Ok(EVENTS_PER_ROUND as f64 / started.elapsed().as_secs_f64())
}
