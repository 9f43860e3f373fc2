//! Kept statistics: numbers over all events whose cost does not grow with the events.
//!
//! The document `summary` has the numbers over every event that was received up to its *watermark*.
//! What anybody is told is these numbers and, by query, the few events after the watermark, so the
//! answer is right wherever the watermark is. There are no transactions to lean on; what makes a
//! crash between any two writes harmless is this:
//!
//! - The summary moves forward by *slices*, each from the watermark to a planned end. The end is
//!   written into the summary first, by one conditional update, and cannot change after that. It
//!   lies so far back that no event can still appear before it, so whoever works on a slice, once
//!   or many times, at the same time or after a crash, finds the same in it.
//! - Users are documents of their own, marked with the slice that met them first. Marks of a slice
//!   beyond the summary's mean nothing yet, and writing them again changes nothing.
//! - One conditional update then replaces all numbers, watermark and slice. Whoever comes second
//!   matches nothing.
//!
//! A rebuild is a second summary, the document `rebuild`, that starts from nothing and in the end
//! replaces the first one. A *generation* names the users of each, so that they are not mixed up.

mod advance;
mod counts;
mod events;
mod rebuild;
mod store;
mod summary;
mod tail;
mod users;
mod window;

use service_kit::{Problem, Result};

pub(crate) use advance::{LAG, advance_now_and_then};
pub(crate) use counts::{Counts, bucket};
pub(crate) use events::counts;
pub(crate) use rebuild::rebuild;
use summary::Summary;

/// Numbers over events.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) counts: Counts,
    pub(crate) distinct_users: u64,
}

/// How often the numbers are taken again because a rebuild replaced the summary meanwhile. Twice in
/// a row does not happen, since a rebuild takes longer than a reading.
const READINGS: usize = 3;

/// Numbers over all events: the summary's, and those of the events after it.
pub(crate) async fn totals() -> Result<Totals> {
    for _ in 0..READINGS {
        let summary = store::read(store::SUMMARY).await?.unwrap_or_default();
        let generation = summary.generation.clone();
        let totals = totals_from(summary).await?;
        // The users of a summary that has been replaced are removed, and would not be known.
        let latest = store::read(store::SUMMARY).await?.unwrap_or_default();
        if latest.generation == generation {
            return Ok(totals);
        }
    }
    let cause = "the summary was replaced again and again while it was read";
    Err(Problem::unavailable(cause))
}

async fn totals_from(summary: Summary) -> Result<Totals> {
    let (tail_counts, tail_users) = tail::count(summary.watermark).await?;
    let known = users::known(&summary, &tail_users).await?;
    let mut counts = summary.counts;
    counts.add(tail_counts);
    Ok(Totals {
        counts,
        distinct_users: summary.users + (tail_users.len() as u64).saturating_sub(known),
    })
}
