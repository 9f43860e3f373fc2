//! Stored statistics: counts of all events, at a cost that does not grow with the number of events.
//!
//! Each event has a *position*, which the adapter gives it when it stores the event (see
//! `wit/documents.wit`). The document `totals` has the counts of every event up to a position. An answer
//! adds the few events after it, counted by query, so it is correct wherever the position is. Documents
//! have no transactions. These rules make a crash between any two writes harmless:
//!
//! - The summary moves forward by *slices*, each from its position to a planned end. One
//!   conditional update writes the end into the summary first, and it cannot change after that. It is
//!   settled: no new event can appear before it. So every worker on a slice finds the same events in
//!   it, even if workers run concurrently or after a crash.
//! - The days of the summary are separate documents, with their counts and their users, see [`days`].
//! - Users are separate documents, marked with the first slice that has an event about the user. Marks
//!   of a slice after the summary's have no meaning yet, and writing them again changes nothing.
//! - One conditional update then replaces all numbers, position and slice. The update of a second
//!   worker matches nothing.
//!
//! A rebuild is a second summary, the document `rebuilt_totals`. It starts without events and replaces the
//! first summary at the end. Each has a *generation*, which is part of the `_id` of its users, so that
//! the users of both stay separate.
//!
//! Old events may be removed, see [`retention`]. The statistics go on counting them.

mod adopt;
mod advance;
mod counts;
mod days;
mod distinct;
mod error;
mod events;
mod period;
mod rebuild;
mod retention;
mod store;
mod summary;
mod tail;
mod take_over;
mod turn;
mod users;
mod window;

use service_kit::Failure;

pub(crate) use advance::advance_now_and_then;
pub(crate) use counts::{Counts, bucket};
pub(crate) use distinct::DistinctUsers;
pub(crate) use error::Error;
pub(crate) use period::{PeriodCounts, count as count_period};
pub(crate) use rebuild::rebuild;
use summary::Summary;

/// The result of every function here. A caller cannot handle a failure.
type Result<T, E = Failure> = std::result::Result<T, E>;

/// Counts of all events, and of the users they are about.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) counts: Counts,
    pub(crate) distinct_users: u64,
}

/// Maximum number of attempts to read the summary while rebuilds replace it. Two rebuilds do not
/// interrupt two attempts in a row, because a rebuild takes longer than an attempt.
const READINGS: usize = 3;

/// Counts all events: those in the summary, and those after it.
pub(crate) async fn totals() -> Result<Totals> {
    advance_now_and_then();
    for _ in 0..READINGS {
        let summary = store::read(store::SUMMARY).await?.unwrap_or_default();
        let totals = totals_from(summary.clone()).await?;
        // The users of a replaced summary are removed, so they would count as new.
        if store::still_holds(&summary).await? {
            return Ok(totals);
        }
    }
    let cause = "rebuilds replaced the summary each time it was read";
    Err(Failure::unavailable(cause))
}

async fn totals_from(summary: Summary) -> Result<Totals> {
    let (tail_counts, tail_users) = tail::count(summary.position).await?;
    if tail_counts.total >= u64::from(advance::MIN_EVENTS) {
        // The next reading counts only what is new since this one.
        advance::advance_next_time();
    }
    let known = users::known(&summary, &tail_users).await?;
    let mut counts = summary.counts;
    counts.add(tail_counts);
    Ok(Totals {
        counts,
        distinct_users: summary.users + (tail_users.len() as u64).saturating_sub(known),
    })
}
