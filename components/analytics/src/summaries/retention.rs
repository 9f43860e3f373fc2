//! Removes old events, which stay in the statistics.
//!
//! Events are removed in the order of their positions, and only when the summary has them. Before, they are counted
//! in a summary of their own, the document `removed_totals`, slice by slice: every event up to its position is
//! removed, or will be soon. A rebuild reads the events that are left, so it begins with that summary; see
//! [`take_over`](super::take_over).

use std::time::{Duration, Instant};

use service_kit::collection::filter::{gte, lt, lte};
use service_kit::retention::{self, Looked};
use service_kit::{OffsetDateTime, background, clock};

use super::summary::Summary;
use super::take_over::hold;
use super::window::{POSITION, after, between, end_before};
use super::{Result, advance, events, store};
use crate::services::EVENTS;

/// The variable with the age in days at which events are removed. Without it, they are kept for good.
const MAX_AGE: &str = "events_max_age_days";

/// Number of events that one step removes, within some tenths of a second. A single position may have more.
const STEP: u32 = 1_000;

/// How long one check removes events, step by step.
const BUDGET: Duration = Duration::from_secs(1);

/// How long a check waits for another worker before the next request looks again. Without it, each request would look
/// until the other worker is done, or until its claim has ended if it was killed.
const PAUSE: Duration = Duration::from_millis(200);

/// When an event was received, by the clock of the service. Senders choose `timestamp`.
const RECEIVED_AT: &str = "received_at";

thread_local! {
    static LOOKED: Looked = const { Looked::never() };
}

/// Removes old events in the background, if it is time to look for them.
pub(super) fn remove_now_and_then() {
    if LOOKED.with(Looked::is_due) {
        background(remove());
    }
}

async fn remove() {
    let Some(cutoff) = retention::cutoff(MAX_AGE).await else {
        return;
    };
    match remove_before(cutoff).await {
        Ok(true) => LOOKED.with(Looked::look_again),
        Ok(false) => {}
        Err(failure) => tracing::warn!("old events could not be removed: {failure}"),
    }
}

/// Returns whether there may be more to remove.
async fn remove_before(cutoff: OffsetDateTime) -> Result<bool> {
    let started = Instant::now();
    loop {
        match step(cutoff).await? {
            Step::Done => return Ok(false),
            Step::Waits => {
                clock::sleep(PAUSE).await;
                return Ok(true);
            }
            Step::Made if started.elapsed() > BUDGET => return Ok(true),
            Step::Made => {}
        }
    }
}

/// What became of a step.
enum Step {
    /// There may be more to do.
    Made,
    /// Another worker adds a slice, which takes a fraction of a second.
    Waits,
    /// Nothing is old, or a rebuild keeps events from being removed.
    Done,
}

/// Removes the events that were counted before, and counts the next ones.
///
/// The order of the readings matters. A rebuild that begins after the second one changes the slice of the first,
/// so no further slice is planned then; and a summary that a rebuild has put in place is read afterwards.
async fn step(cutoff: OffsetDateTime) -> Result<Step> {
    let removed = store::read_or_begin(store::REMOVED).await?;
    let is_rebuilding = store::read(store::REBUILD).await?.is_some();
    let summary = store::read_or_begin(store::SUMMARY).await?;
    remove_counted(&removed).await?;
    if is_rebuilding {
        return Ok(Step::Done);
    }
    if removed.finished {
        // A rebuild by an earlier version does not release it.
        hold(&removed, false).await?;
        return Ok(Step::Made);
    }
    if let Some(plan) = removed.planned {
        if plan.is_claimed() {
            return Ok(Step::Waits);
        }
        advance::add_slice(store::REMOVED, &removed, plan.end).await?;
        return Ok(Step::Made);
    }
    let Some(end) = end_of_old(removed.position, summary.position, cutoff).await? else {
        return summarise_old(&summary, cutoff).await;
    };
    if !store::plan(store::REMOVED, &removed, end).await? {
        return Ok(Step::Waits);
    }
    advance::add_slice(store::REMOVED, &removed, end).await?;
    Ok(Step::Made)
}

async fn remove_counted(removed: &Summary) -> Result<()> {
    if removed.position > 0 {
        let number = EVENTS.remove(lte(POSITION, removed.position)).await?;
        if number > 0 {
            tracing::info!(removed = number, "removed old events");
        }
    }
    Ok(())
}

/// Returns the end of the next slice of events to remove: all of them are old, and have positions after `from` and
/// up to `until`.
async fn end_of_old(from: u64, until: u64, cutoff: OffsetDateTime) -> Result<Option<u64>> {
    let Some(first) = events::position(&between(from, until), 0).await? else {
        return Ok(None);
    };
    let beyond = events::position(&between(from, until), STEP).await?;
    let end = beyond.map_or(until, |beyond| end_before(from, beyond));
    let kept = between(from, end).and(gte(RECEIVED_AT, cutoff));
    let Some(kept) = events::position(&kept, 0).await? else {
        return Ok(Some(end));
    };
    Ok((first < kept).then(|| kept - 1))
}

/// Adds events to the summary that are old already. Usually it gets them when there are enough for a slice.
async fn summarise_old(summary: &Summary, cutoff: OffsetDateTime) -> Result<Step> {
    let old = after(summary.position).and(lt(RECEIVED_AT, cutoff));
    if events::position(&old, 0).await?.is_none() {
        return Ok(Step::Done);
    }
    if summary.planned.is_some_and(|plan| plan.is_claimed()) {
        return Ok(Step::Waits);
    }
    let advanced = advance::advance(store::SUMMARY, summary, 1).await?;
    Ok(if advanced { Step::Made } else { Step::Done })
}
