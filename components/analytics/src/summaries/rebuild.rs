//! Rebuilds the summary from the events, in one or more requests.
//!
//! It begins with the counts of the events that were removed; see [`take_over`](super::take_over).
//! All progress is in the document `rebuilt_totals`, so any request can continue after another one failed.
//! The rebuild has its own generation. Once the summary has the same generation, the rebuild has
//! replaced it, and only the users of the previous summary are left to remove. If nothing removed them,
//! because the process was killed, the next rebuild does so before it begins.

use std::time::{Duration, Instant};

use super::advance::{self, MIN_EVENTS};
use super::summary::{Summary, Taken};
use super::take_over::{release, take_over};
use super::{Result, days, store, users};

/// How long one request works on a rebuild. It is some seconds shorter than every request timeout.
const BUDGET: Duration = Duration::from_secs(5);

/// The progress of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether the summary is replaced. The next rebuild removes what the previous summary may have left.
    pub(crate) done: bool,
    /// Events that are in the new summary so far.
    pub(crate) events: u64,
}

/// Continues the rebuild, or begins one. With `restart`, it starts over from the first event.
pub(crate) async fn rebuild(restart: bool) -> Result<Progress> {
    let started = Instant::now();
    while let Some(leftover) = leftover().await? {
        if clean(&leftover).await? {
            release(&leftover).await?;
            store::remove(store::REBUILD, &leftover.generation).await?;
        }
        if started.elapsed() > BUDGET {
            let (done, events) = (false, 0);
            return Ok(Progress { done, events });
        }
    }
    let mut rebuild = store::read_or_begin(store::REBUILD).await?;
    if restart {
        begin_again(&rebuild).await?;
        rebuild = store::read_or_begin(store::REBUILD).await?;
    }
    loop {
        let events = rebuild.counts.total;
        if step(&rebuild).await? {
            release(&rebuild).await?;
            store::remove(store::REBUILD, &rebuild.generation).await?;
            tracing::info!(events, "rebuilt the statistics");
            return Ok(Progress { done: true, events });
        }
        if started.elapsed() > BUDGET {
            // The next request must not take a rebuild that has replaced the summary for a new one.
            let done = has_replaced_summary(&rebuild).await?;
            return Ok(Progress { done, events });
        }
        rebuild = match store::read(store::REBUILD).await? {
            Some(latest) if latest.generation == rebuild.generation => latest,
            // Another request finished the rebuild, or restarted it.
            None => return Ok(Progress { done: true, events }),
            Some(_) => {
                return Ok(Progress {
                    done: false,
                    events,
                });
            }
        };
    }
}

/// Returns a rebuild that has replaced the summary in an earlier request.
async fn leftover() -> Result<Option<Summary>> {
    let Some(rebuild) = store::read(store::REBUILD).await? else {
        return Ok(None);
    };
    let is_leftover = has_replaced_summary(&rebuild).await?;
    Ok(is_leftover.then_some(rebuild))
}

async fn has_replaced_summary(rebuild: &Summary) -> Result<bool> {
    let summary = store::read(store::SUMMARY).await?;
    Ok(summary.is_some_and(|summary| summary.generation == rebuild.generation))
}

/// Adds one slice, replaces the summary, or removes some users. Returns whether the rebuild is done.
async fn step(rebuild: &Summary) -> Result<bool> {
    let summary = store::read_or_begin(store::SUMMARY).await?;
    if summary.generation == rebuild.generation {
        return clean(rebuild).await;
    }
    if rebuild.taken != Taken::All {
        take_over(rebuild).await?;
    } else if rebuild.finished {
        replace(&summary, rebuild).await?;
    } else if !advance::advance(store::REBUILD, rebuild, MIN_EVENTS).await? {
        finish(&summary, rebuild).await?;
    }
    Ok(false)
}

/// Records that the rebuild is complete, and which generation it replaces. [`clean`] keeps that
/// generation until the replacement succeeds, because readers still use it.
async fn finish(summary: &Summary, rebuild: &Summary) -> Result<()> {
    let mut finished = rebuild.clone();
    finished.finished = true;
    finished.retired.push(summary.generation.clone());
    store::change(store::REBUILD, rebuild, &finished).await?;
    Ok(())
}

async fn replace(summary: &Summary, rebuild: &Summary) -> Result<()> {
    let next = Summary {
        finished: false,
        retired: Vec::new(),
        ..rebuild.clone()
    };
    store::replace(store::SUMMARY, &summary.generation, &next).await?;
    Ok(())
}

/// Discards the counts so far. Their users are removed at the end of the rebuild.
async fn begin_again(rebuild: &Summary) -> Result<()> {
    let mut retired = rebuild.retired.clone();
    retired.push(rebuild.generation.clone());
    store::replace(
        store::REBUILD,
        &rebuild.generation,
        &store::rebuild(retired),
    )
    .await?;
    Ok(())
}

/// Removes the days and some users of unused generations. Returns whether none are left.
async fn clean(rebuild: &Summary) -> Result<bool> {
    for generation in &rebuild.retired {
        if *generation == rebuild.generation {
            continue;
        }
        days::forget(generation).await?;
        if users::forget(generation).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
