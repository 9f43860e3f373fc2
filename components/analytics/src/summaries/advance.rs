//! Moving a summary forward, slice by slice.

use std::cell::Cell;
use std::time::Instant;

use service_kit::Result;
use service_kit::adapter::documents::Direction::{Ascending, Descending};
use time::{Duration, OffsetDateTime};

use super::summary::Summary;
use super::window::{MAX_EVENTS, end_before, received_between};
use super::{Counts, events, store, users};

/// How far behind now a slice ends at the latest. An event is stamped before it is stored; one that
/// took longer than this to appear could appear in a slice that is counted already, and would be
/// missing. Storing takes at most as long as a request (15 s); the rest is for clocks that differ.
/// The shorter it is, the fewer events are counted by query.
pub(crate) const LAG: Duration = Duration::seconds(30);

/// Fewest events that are worth a slice. Up to this many more are counted by query each time,
/// within some milliseconds.
const MIN_EVENTS: u32 = 1_000;

/// How often an instance looks whether there is something to do: at a thousand events a second a
/// slice for each look, and hardly any work in between.
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

thread_local! {
    static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Move the summary forward for `budget`, if it is time to look again. It never fails: what is not
/// in the summary is counted by query.
///
/// Called by whoever records or reads, since a component runs only while it answers.
pub(crate) async fn advance_now_and_then(budget: std::time::Duration) {
    let looked = LOOKED.get().map(|looked| looked.elapsed());
    if looked.is_some_and(|ago| ago < INTERVAL) {
        return;
    }
    LOOKED.set(Some(Instant::now()));
    match advance_for(budget).await {
        // There is more: the next one need not wait.
        Ok(true) => LOOKED.set(None),
        Ok(false) => {}
        Err(problem) => tracing::warn!("the statistics could not be summarised: {problem}"),
    }
}

/// Whether there may be more to do.
async fn advance_for(budget: std::time::Duration) -> Result<bool> {
    let started = Instant::now();
    loop {
        let summary = store::read_or_begin(store::SUMMARY).await?;
        if summary.planned.is_some_and(|plan| plan.is_claimed()) {
            return Ok(false);
        }
        if !advance(store::SUMMARY, &summary).await? {
            return Ok(false);
        }
        if started.elapsed() > budget {
            return Ok(true);
        }
    }
}

/// Add the next slice to a summary. False if there is nothing worth a slice; true if it has been
/// added, be it by somebody else.
pub(super) async fn advance(id: &str, summary: &Summary) -> Result<bool> {
    let end = match summary.planned {
        Some(plan) => plan.end,
        None => {
            let Some(end) = end_of_slice(summary.watermark).await? else {
                return Ok(false);
            };
            if !store::plan(id, summary, end).await? {
                return Ok(true);
            }
            end
        }
    };
    let next = with_slice(summary, end).await?;
    store::complete(id, summary, &next).await?;
    Ok(true)
}

/// The end of the slice after `watermark`, never within a millisecond that has begun. It is not
/// later than the slice's last event: whatever still appears after that is in the next slice.
async fn end_of_slice(watermark: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    let horizon = OffsetDateTime::now_utc() - LAG;
    let settled = received_between(watermark, horizon);
    if events::received(Ascending, &settled, MIN_EVENTS - 1)
        .await?
        .is_none()
    {
        return Ok(None);
    }
    match events::received(Ascending, &settled, MAX_EVENTS).await? {
        Some(beyond) => Ok(Some(end_before(watermark, beyond))),
        None => events::received(Descending, &settled, 0).await,
    }
}

/// What the summary will be. The same for all who work on the slice.
async fn with_slice(summary: &Summary, end: OffsetDateTime) -> Result<Summary> {
    let slice = received_between(summary.watermark, end);
    let (counts, users) =
        futures_util::future::join(events::counts(&slice), events::users(&slice)).await;
    let new_users = users::enrol(summary, &users?).await?;
    let mut total: Counts = summary.counts.clone();
    total.add(counts?);
    Ok(Summary {
        slice: summary.slice + 1,
        watermark: end,
        planned: None,
        counts: total,
        users: summary.users + new_users,
        ..summary.clone()
    })
}
