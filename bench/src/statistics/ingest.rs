//! Events per second through the sealed route, beside what the document store takes directly.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use hyper::Method;
use serde_json::json;

use crate::{client::Client, say, store::Store};

const EVENTS: &str = "/api/v1/analytics/events";

/// Requests, and inserts, at the same time.
const AT_ONCE: usize = 32;

/// Events of one round. Their envelopes are made beforehand and are good for a minute.
const ROUND: usize = 10_000;

/// The two ways are measured in turn, and compared within a round: machines are noisy.
const ROUNDS: usize = 5;

pub(crate) async fn measure(client: &Client, store: &Store) -> anyhow::Result<()> {
    let mut ratios = Vec::new();
    say("\n    inserted/s   through the sealed route/s   ratio")?;
    for _ in 0..ROUNDS {
        let inserted = rate(|_| store.insert_one()).await?;
        let event = json!({
            "event_type": "page_view", "event_name": "home", "properties": { "page": "/" },
            "user_id": uuid::Uuid::now_v7().to_string(),
        });
        let seal = |_| client.seal("user", EVENTS, &event);
        let bodies = (0..ROUND).map(seal).collect::<Result<Vec<_>, _>>()?;
        let sealed = rate(|index| record(client, bodies.get(index))).await?;
        let ratio = sealed / inserted;
        say(&format!("{inserted:>14.0} {sealed:>28.0} {ratio:>7.2}"))?;
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ROUNDS / 2).context("no rounds")?;
    say(&format!("median ratio {median:.2}"))
}

async fn record(client: &Client, body: Option<&String>) -> anyhow::Result<()> {
    let body = body.context("no envelope is left")?.clone();
    let (status, _) = client.send(Method::POST, EVENTS, body).await?;
    anyhow::ensure!(status.as_u16() == 201, "an event was answered {status}");
    Ok(())
}

/// How many of [`ROUND`] are done per second.
async fn rate<F: Future<Output = anyhow::Result<()>>>(
    one: impl Fn(usize) -> F,
) -> anyhow::Result<f64> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let worker = async || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= ROUND {
                return anyhow::Ok(());
            }
            one(index).await?;
        }
    };
    try_join_all((0..AT_ONCE).map(|_| worker())).await?;
    Ok(ROUND as f64 / started.elapsed().as_secs_f64())
}
