//! Moving a summary forward, slice by slice.

use std::cell::Cell;
use std::time::Instant;

use service_kit::adapter::documents::Direction::{Ascending, Descending};
use service_kit::background;
use time::{Duration, OffsetDateTime};

use super::summary::Summary;
use super::window::{MAX_EVENTS, end_before, received_between};
use super::{Counts, Result, events, store, users};

/// Minimum age of a slice's end. An event gets its time before it is stored. If storing took longer
/// than this, the event could appear in a slice that is counted already, and the statistics would
/// miss it. Storing takes at most as long as a request (15 s). The rest allows for clocks that
/// differ. A shorter lag leaves fewer events to count by query.
pub(crate) const LAG: Duration = Duration::seconds(30);

/// Minimum number of events in a slice. A query counts fewer events within some milliseconds.
const MIN_EVENTS: u32 = 1_000;

/// How often an instance checks whether a slice is due. At a thousand events a second, each check
/// finds one, and the requests in between do no extra work.
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

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

/// Returns whether there may be more to do.
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

/// Adds the next slice to a summary. Returns false if too few events are left for a slice, and true
/// if this or another worker added it.
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

/// Returns the end of the slice after `watermark`, which is never within an unfinished millisecond.
/// It is not later than the slice's last event, so that an event that appears later belongs to the
/// next slice.
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

/// Returns the summary with the slice added. The result is the same for every worker on the slice.
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
