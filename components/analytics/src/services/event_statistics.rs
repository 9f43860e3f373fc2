//! Statistics of events, with the user counts of the user service.

use futures_util::future::join;
use serde_json::Value;
use service_kit::input::Period;
use service_kit::{Failure, OffsetDateTime, Shared};

use super::{EVENTS, count_users, recent_user_counts};
use crate::error::{Error, Result};
use crate::schemas::Statistics;
use crate::summaries::{self, Totals};

/// The totals, and the counts of the user service if it has answered.
type Counted = (Totals, Option<Value>);

thread_local! {
    static ALL: Shared<Counted, Failure> = const { Shared::new() };
}

/// Returns the statistics, and a warning for each part that is missing. Requests share those of all
/// events.
pub(crate) async fn event_statistics(period: Period) -> Result<(Statistics, Vec<&'static str>)> {
    if period != Period::default() {
        let as_of = OffsetDateTime::now_utc();
        return Ok(statistics(as_of, &count_period(period).await?));
    }
    let all = Shared::read(&ALL, count_all).await?;
    Ok(statistics(all.as_of, &all.value))
}

fn statistics(
    as_of: OffsetDateTime,
    (totals, user_stats): &Counted,
) -> (Statistics, Vec<&'static str>) {
    let warnings = match user_stats {
        Some(_) => Vec::new(),
        None => vec!["The user service does not answer, so `user_stats` is missing."],
    };
    let statistics = Statistics {
        as_of,
        total_events: totals.counts.total,
        by_type: totals.counts.by_type.clone(),
        by_day: totals.counts.by_day.clone(),
        distinct_users: totals.distinct_users,
        user_stats: user_stats.clone(),
    };
    (statistics, warnings)
}

/// Counts all events with the summary. The counts of users are not older than those of events, which
/// include the events about the users.
async fn count_all() -> Result<Counted, Failure> {
    let (totals, user_stats) = join(summaries::totals(), count_users()).await;
    Ok((totals?, user_stats))
}

/// Counts the events of a period with the index on `timestamp`, in one pass: anyone may ask for it.
async fn count_period(period: Period) -> Result<Counted> {
    let filter = period.filter("timestamp").unwrap_or_default();
    let distinct_users = EVENTS.count_distinct("user_id", filter.clone());
    let counts = join(summaries::counts_at_once(&filter), distinct_users);
    let ((counts, distinct_users), user_stats) = join(counts, recent_user_counts()).await;
    let totals = Totals {
        counts: counts?.ok_or(Error::PeriodTooLong)?,
        distinct_users: distinct_users?,
    };
    Ok((totals, user_stats))
}
