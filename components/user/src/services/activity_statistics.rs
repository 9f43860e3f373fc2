//! How often a user did what, and when.

use std::collections::BTreeMap;

use serde_json::{Map, json};
use service_kit::adapter::documents;
use service_kit::input::Period;
use service_kit::{Problem, Result};

use super::ACTIVITIES;
use crate::schemas::ActivityStatistics;

/// The statistics of a user's activities within `period`.
pub(crate) async fn activity_statistics(
    user_id: String,
    period: Period,
) -> Result<ActivityStatistics> {
    let mut filter = Map::from_iter([("user_id".to_owned(), json!(user_id))]);
    if let Some(condition) = period.condition() {
        filter.insert("at".to_owned(), condition);
    }
    let filter = serde_json::Value::Object(filter).to_string();
    let by_action = count_by("action", filter.clone()).await?;
    Ok(ActivityStatistics {
        // Every activity has one of few actions, so their sum saves a query.
        total: by_action.values().sum(),
        by_action,
        by_day: count_by("day", filter).await?,
    })
}

async fn count_by(field: &str, filter: String) -> Result<BTreeMap<String, u64>> {
    let counts = documents::count_by(ACTIVITIES.to_owned(), field.to_owned(), filter).await?;
    counts.into_iter().map(named).collect()
}

fn named((value, count): (String, u64)) -> Result<(String, u64)> {
    match serde_json::from_str(&value) {
        Ok(name) => Ok((name, count)),
        Err(error) => Err(Problem::internal(format!(
            "an activity is counted by something that is not text: {error}"
        ))),
    }
}
