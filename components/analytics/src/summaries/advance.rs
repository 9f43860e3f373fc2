//! Moving a summary forward, slice by slice.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Instant;

use service_kit::{background, collection};

use super::summary::Summary;
use super::window::{MAX_EVENTS, between, end_before};
use super::{Counts, Result, adopt, days, events, retention, store, turn, users};

/// Minimum number of events in a slice. A query counts fewer events within some milliseconds.
pub(super) const MIN_EVENTS: u32 = 1_000;

/// How often an instance asks for its turn to look for a slice. The requests in between do no extra work.
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

thread_local! {
    static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How long one check moves the summary forward, slice by slice.
const BUDGET: std::time::Duration = std::time::Duration::from_secs(1);

/// Moves the summary forward in the background, if a check is due. A failure is only logged, because
/// events that are not in the summary are counted by query.
///
/// Requests that record or read events call it, because a component runs only while it answers a
/// request. None of them waits for it.
pub(crate) fn advance_now_and_then() {
    retention::remove_now_and_then();
    let looked = LOOKED.get().map(|looked| looked.elapsed());
    if looked.is_some_and(|ago| ago < INTERVAL) {
        return;
    }
    LOOKED.set(Some(Instant::now()));
    background(async {
        match advance_for(BUDGET).await {
            // There is more to do, so the next call does not wait.
            Ok(true) => LOOKED.set(None),
            Ok(false) => {}
            Err(failure) => tracing::warn!("the statistics could not be summarised: {failure}"),
        }
    });
}

/// Has the next request check whether a slice is due.
pub(super) fn advance_next_time() {
    LOOKED.set(None);
}

/// Returns whether there may be more to do.
async fn advance_for(budget: std::time::Duration) -> Result<bool> {
    if !turn::take().await? {
        return Ok(false);
    }
    let started = Instant::now();
    while adopt::adopt().await? {
        if started.elapsed() > budget {
            return Ok(true);
        }
    }
    loop {
        let summary = store::read_or_begin(store::SUMMARY).await?;
        if summary.planned.is_some_and(|plan| plan.is_claimed()) {
            return Ok(false);
        }
        if !advance(store::SUMMARY, &summary, MIN_EVENTS).await? {
            return Ok(false);
        }
        if started.elapsed() > budget {
            return Ok(true);
        }
    }
}

/// Adds the next slice to a summary. Returns false if fewer than `min_events` are left for a slice, and true
/// if this or another worker added it.
pub(super) async fn advance(id: &str, summary: &Summary, min_events: u32) -> Result<bool> {
    let end = match summary.planned {
        Some(plan) => plan.end,
        None => {
            let Some(end) = end_of_slice(summary.position, min_events).await? else {
                return Ok(false);
            };
            if !store::plan(id, summary, end).await? {
                return Ok(true);
            }
            end
        }
    };
    add_slice(id, summary, end).await?;
    Ok(true)
}

/// Adds the slice up to `end`, which must be planned, unless another worker has added it.
pub(super) async fn add_slice(id: &str, summary: &Summary, end: u64) -> Result<()> {
    let next = with_slice(summary, end).await?;
    if !store::complete(id, summary, &next).await? && id == store::SUMMARY {
        forget_if_replaced(summary).await?;
    }
    Ok(())
}

/// Removes what this worker has written for a summary that a rebuild has replaced meanwhile. The rebuild may
/// have removed the rest before.
async fn forget_if_replaced(summary: &Summary) -> Result<()> {
    let latest = store::read(store::SUMMARY).await?;
    if latest.is_some_and(|latest| latest.generation != summary.generation) {
        days::forget(&summary.generation).await?;
        while users::forget(&summary.generation).await? {}
    }
    Ok(())
}

/// Returns the end of the slice after `position`. It is settled, so no event can appear in the slice later.
async fn end_of_slice(position: u64, min_events: u32) -> Result<Option<u64>> {
    let settled = collection::settled_position().await?;
    let events = between(position, settled);
    let last = min_events.saturating_sub(1);
    if events::position(&events, last).await?.is_none() {
        return Ok(None);
    }
    let beyond = events::position(&events, MAX_EVENTS).await?;
    Ok(Some(
        beyond.map_or(settled, |beyond| end_before(position, beyond)),
    ))
}

/// Returns the summary with the slice added. The result is the same for every worker on the slice.
async fn with_slice(summary: &Summary, end: u64) -> Result<Summary> {
    let slice = between(summary.position, end);
    let buckets = events::buckets(&slice).await?;
    let by_day = events::users_by_day(&slice, &buckets).await?;
    let users: BTreeSet<_> = by_day.days().flat_map(|(_, users)| users.keys()).collect();
    let new_users = users::enrol(summary, &Vec::from_iter(users)).await?;
    days::add(summary, &buckets, &by_day).await?;
    let mut total: Counts = summary.counts.clone();
    total.add(Counts::of(&buckets));
    Ok(Summary {
        slice: summary.slice + 1,
        position: end,
        planned: None,
        counts: total,
        users: summary.users + new_users,
        ..summary.clone()
    })
}
