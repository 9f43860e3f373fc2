//! Statistics of events, with the user counts of the user service.

use futures_util::future::join;
use serde_json::Value;
use service_kit::input::Period;
use service_kit::{Failure, OffsetDateTime, Shared};

use super::{EVENTS, count_users, recent_user_counts};
use crate::error::Result;
use crate::schemas::Statistics;
use crate::summaries::{self, Counts, PeriodCounts};

/// Maximum number of events of a period whose users are counted by query if they are not kept per day. Their cost grows
/// with the events.
const MAX_EVENTS_OF_USERS: u64 = 100_000;

/// What was counted.
struct Counted {
    counts: Counts,
    distinct_users: Option<u64>,
    is_estimated: bool,
    /// Whether users are missing because events were removed, and whether some of these are not counted.
    lacks_users: bool,
    lacks_events: bool,
    /// Missing if the user service does not answer.
    user_stats: Option<Value>,
}

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

fn statistics(as_of: OffsetDateTime, counted: &Counted) -> (Statistics, Vec<&'static str>) {
    let mut warnings = Vec::new();
    if counted.user_stats.is_none() {
        warnings.push("The user service does not answer, so `user_stats` is missing.");
    }
    if counted.lacks_events {
        warnings.push(
            "Parts of days are counted without the events that were removed because of their age.",
        );
    }
    if counted.lacks_users {
        warnings.push("Events were removed because of their age, so `distinct_users` is missing.");
    } else if counted.distinct_users.is_none() {
        warnings.push(
            "The period has more than 100,000 events, and the users of some of its days or parts of days are not \
             known, so `distinct_users` is missing.",
        );
    }
    let statistics = Statistics {
        as_of,
        total_events: counted.counts.total,
        by_type: counted.counts.by_type.clone(),
        by_day: counted.counts.by_day.clone(),
        distinct_users: counted.distinct_users,
        distinct_users_estimated: counted.is_estimated,
        user_stats: counted.user_stats.clone(),
    };
    (statistics, warnings)
}

/// Counts all events with the summary. The counts of users are not older than those of events, which
/// include the events about the users.
async fn count_all() -> Result<Counted, Failure> {
    let (totals, user_stats) = join(summaries::totals(), count_users()).await;
    let (totals, user_stats) = (totals?, user_stats?);
    Ok(Counted {
        counts: totals.counts,
        distinct_users: Some(totals.distinct_users),
        is_estimated: false,
        lacks_users: false,
        lacks_events: false,
        user_stats,
    })
}

/// Counts the events of a period and their users: whole days with the summary, and the rest with the index on
/// `timestamp`.
async fn count_period(period: Period) -> Result<Counted> {
    let counted = join(summaries::count_period(period), recent_user_counts()).await;
    let (period_counts, user_stats) = (counted.0?, counted.1);
    let PeriodCounts {
        counts,
        users,
        lacks_events,
        lacks_users,
    } = period_counts;
    let distinct_users = match &users {
        Some(users) if !lacks_events => Some(users.count()),
        _ if !lacks_users && counts.total <= MAX_EVENTS_OF_USERS => {
            let filter = period.filter("timestamp").unwrap_or_default();
            Some(EVENTS.count_distinct("user_id", filter).await?)
        }
        _ => None,
    };
    Ok(Counted {
        counts,
        distinct_users,
        is_estimated: distinct_users.is_some() && users.is_some_and(|users| users.is_estimated()),
        lacks_users: lacks_users && distinct_users.is_none(),
        lacks_events,
        user_stats,
    })
}
