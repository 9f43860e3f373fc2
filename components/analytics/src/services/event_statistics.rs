//! Statistics of events, with the user counts of the user service.

use std::time::Duration;

use futures_util::future::join;
use service_kit::input::Period;

use super::{EVENTS, count_users};
use crate::error::Result;
use crate::schemas::Statistics;
use crate::summaries::{self, Totals};

/// How long a request for statistics advances the summary. A few requests clear a backlog, and
/// no request waits long.
const SUMMARISING: Duration = Duration::from_secs(1);

/// Returns the statistics, and a warning for each part that is missing.
pub(crate) async fn event_statistics(period: Period) -> Result<(Statistics, Vec<&'static str>)> {
    let (totals, user_stats) = join(totals(period), count_users()).await;
    let Totals {
        counts,
        distinct_users,
    } = totals?;
    let warnings = match user_stats {
        Some(_) => Vec::new(),
        None => vec!["The user service does not answer, so `user_stats` is missing."],
    };
    let statistics = Statistics {
        total_events: counts.total,
        by_type: counts.by_type,
        by_day: counts.by_day,
        distinct_users,
        user_stats,
    };
    Ok((statistics, warnings))
}

/// Counts all events with the summary, and the events of a period with the index on `timestamp`.
async fn totals(period: Period) -> Result<Totals> {
    let Some(filter) = period.filter("timestamp") else {
        // Advance the summary before counting, so that fewer events remain to be counted by query.
        summaries::advance_now_and_then(SUMMARISING).await;
        return Ok(summaries::totals().await?);
    };
    let distinct_users = EVENTS.count_distinct("user_id", filter.clone());
    let (counts, distinct_users) = join(summaries::counts(&filter), distinct_users).await;
    Ok(Totals {
        counts: counts?,
        distinct_users: distinct_users?,
    })
}
