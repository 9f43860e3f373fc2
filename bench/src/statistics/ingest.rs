//! Compares events per second through the sealed route with direct inserts into the document store.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::{Client, Store};
use crate::{routes::EVENTS_PATH, say, summary::Spread};

/// Takes up to 100 events.
const BULK_PATH: &str = "/api/v1/analytics/events/bulk";

/// Concurrent requests or inserts.
const CONCURRENCY: usize = 32;

/// Calls of one event each in a round. Their envelopes are sealed before the measurement, and are valid for a minute.
const SINGLE_CALLS: usize = 10_000;

/// Calls of [`BULK`] events each in a round.
const BULK_CALLS: usize = 500;

/// Events of a call: as many as the bulk route takes.
const BULK: usize = 100;

/// Machines are noisy, so the ways are measured in turn and compared within a round.
const ROUNDS: usize = 5;

pub(crate) async fn measure(client: &Client, store: &Store) -> anyhow::Result<()> {
    say(
        "\nevents/s        inserted     sealed   ratio   inserted in hundreds     sealed   ratio   of single inserts",
    )?;
    let mut ratios = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let inserted = measure_rate(SINGLE_CALLS, 1, |_| store.insert(1)).await?;
        let sealed = measure_sealed(client, EVENTS_PATH, SINGLE_CALLS, 1).await?;
        let in_bulk = measure_rate(BULK_CALLS, BULK, |_| store.insert(BULK)).await?;
        let sealed_bulk = measure_sealed(client, BULK_PATH, BULK_CALLS, BULK).await?;
        let measured = [
            sealed / inserted,
            sealed_bulk / in_bulk,
            sealed_bulk / inserted,
        ];
        let [of_single, of_bulk, bulk_of_single] = measured;
        say(&format!(
            "{inserted:>24.0} {sealed:>10.0} {of_single:>7.2} {in_bulk:>22.0} {sealed_bulk:>10.0} {of_bulk:>7.2} \
             {bulk_of_single:>19.2}"
        ))?;
        for (ratios, ratio) in ratios.iter_mut().zip(measured) {
            ratios.push(ratio);
        }
    }
    for (name, ratios) in [
        "one by one",
        "in hundreds",
        "in hundreds, of single inserts",
    ]
    .iter()
    .zip(ratios)
    {
        let median = Spread::of(ratios).context("no round was measured")?;
        say(&format!("median ratio, {name}: {}", median.ratio()))?;
    }
    Ok(())
}

/// Returns the events per second of sealed calls with `events` each.
async fn measure_sealed(
    client: &Client,
    path: &str,
    calls: usize,
    events: usize,
) -> anyhow::Result<f64> {
    let event = json!({
        "event_type": "page_view", "event_name": "home", "properties": { "page": "/" },
        "user_id": uuid::Uuid::now_v7().to_string(),
    });
    let body = match events {
        1 => event,
        _ => json!({ "events": vec![event; events] }),
    };
    let sealed = (0..calls).map(|_| client.seal("user", path, &body));
    let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
    measure_rate(calls, events, |index| {
        record(client, path, sealed.get(index))
    })
    .await
}

/// Sends a sealed body, whose events must all be stored. The answer for one event says so by its status.
async fn record(client: &Client, path: &str, sealed: Option<&String>) -> anyhow::Result<()> {
    let sealed = sealed.context("all envelopes are used")?.clone();
    if path == EVENTS_PATH {
        let (status, _) = client.http.send(Method::POST, path, None, sealed).await?;
        anyhow::ensure!(
            status == StatusCode::CREATED,
            "recording an event failed with status {status}"
        );
        return Ok(());
    }
    let answer = client.post(path, sealed).await?;
    anyhow::ensure!(
        answer.pointer("/data/stored") == Some(&json!(BULK)),
        "events were not stored: {answer}"
    );
    Ok(())
}

/// Makes `calls` with `events` each, and returns events per second.
async fn measure_rate<F: Future<Output = anyhow::Result<()>>>(
    calls: usize,
    events: usize,
    operation: impl Fn(usize) -> F,
) -> anyhow::Result<f64> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let worker = async || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= calls {
                return anyhow::Ok(());
            }
            operation(index).await?;
        }
    };
    try_join_all((0..CONCURRENCY).map(|_| worker())).await?;
    Ok((calls * events) as f64 / started.elapsed().as_secs_f64())
}
