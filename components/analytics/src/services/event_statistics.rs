//! Statistics over events, with the user service's counts where it gives them.

use std::time::Duration;

use futures_util::future::join;
use serde_json::json;
use service_kit::Result;
use service_kit::adapter::documents;
use service_kit::input::Period;

use super::{EVENTS, count_users};
use crate::schemas::Statistics;
use crate::summaries::{self, Totals};

/// How long a reader works on the summary, besides what was asked: a backlog is gone after some
/// readings, and none of them waits long.
const SUMMARISING: Duration = Duration::from_secs(1);

/// The statistics, and what is missing from them, as sentences.
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

/// Over all events from what is kept; over a period from the index on `timestamp`.
async fn totals(period: Period) -> Result<Totals> {
    let Some(condition) = period.condition() else {
        // Before, and not at the same time: less is left to be counted by query.
        summaries::advance_now_and_then(SUMMARISING).await;
        return summaries::totals().await;
    };
    let filter = json!({"timestamp": condition});
    let distinct_users =
        documents::count_distinct(EVENTS.to_owned(), "user_id".to_owned(), filter.to_string());
    let (counts, distinct_users) = join(summaries::counts(&filter), distinct_users).await;
    Ok(Totals {
        counts: counts?,
        distinct_users: distinct_users?,
    })
}
