//! Statistics over all events, with the user service's counts where it gives them.

use std::collections::BTreeMap;

use futures_util::future::join4;
use service_kit::adapter::documents::{self, Error};
use service_kit::{Problem, Result};

use super::{EVENTS, count_users};
use crate::schemas::Statistics;

const ALL: &str = "{}";

/// The statistics, and what is missing from them, as sentences.
pub(crate) async fn event_statistics() -> Result<(Statistics, Vec<&'static str>)> {
    let (by_type, by_day, distinct_users, user_stats) = join4(
        count_by("event_type"),
        count_by("day"),
        count_distinct("user_id"),
        count_users(),
    )
    .await;
    let by_type = by_type?;
    let warnings = match user_stats {
        Some(_) => Vec::new(),
        None => vec!["The user service does not answer, so `user_stats` is missing."],
    };
    let statistics = Statistics {
        // Every event has one of ten types, so their sum saves a query.
        total_events: by_type.values().sum(),
        by_type,
        by_day: by_day?,
        distinct_users: distinct_users?,
        user_stats,
    };
    Ok((statistics, warnings))
}

async fn count_by(field: &str) -> Result<BTreeMap<String, u64>> {
    let counts = documents::count_by(EVENTS.to_owned(), field.to_owned(), ALL.to_owned()).await?;
    counts.into_iter().map(named).collect()
}

async fn count_distinct(field: &str) -> Result<u64, Error> {
    documents::count_distinct(EVENTS.to_owned(), field.to_owned(), ALL.to_owned()).await
}

fn named((value, count): (String, u64)) -> Result<(String, u64)> {
    match serde_json::from_str(&value) {
        Ok(name) => Ok((name, count)),
        Err(error) => Err(Problem::internal(format!(
            "an event is counted by something that is not text: {error}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_named_by_the_json_text_of_the_value() {
        let count = named((r#""page_view""#.to_owned(), 3)).unwrap();
        assert_eq!(count, ("page_view".to_owned(), 3));
        assert!(named(("null".to_owned(), 1)).is_err());
    }
}
