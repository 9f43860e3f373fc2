//! Statistics of a user's activities.

use std::collections::BTreeMap;

use service_kit::collection::filter::eq;
use service_kit::input::Period;
use uuid::Uuid;

use super::ACTIVITIES;
use crate::error::Result;
use crate::schemas::ActivityStatistics;

/// Returns the statistics of a user's activities within `period`.
pub(crate) async fn activity_statistics(
    user_id: Uuid,
    period: Period,
) -> Result<ActivityStatistics> {
    let filter = eq("user_id", user_id).and_maybe(period.filter("at"));
    let by_action = ACTIVITIES.count_by("action", filter.clone()).await?;
    let by_action = BTreeMap::from_iter(by_action);
    let by_day = ACTIVITIES.count_by("day", filter).await?;
    Ok(ActivityStatistics {
        // Each activity has exactly one action, so the sum of the counts saves a query.
        total: by_action.values().sum(),
        by_action,
        by_day: by_day.into_iter().collect(),
    })
}
