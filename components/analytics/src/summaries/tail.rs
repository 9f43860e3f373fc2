//! The events that are not in the summary yet, counted by query.

use std::collections::HashSet;

use service_kit::Failure;
use service_kit::collection::Filter;

use super::counts::Buckets;
use super::window::{MAX_EVENTS, after, between, end_before};
use super::{Counts, Result, events};

/// Maximum number of parts in which a tail is counted. Each part has about ten thousand events, and
/// usually one part is enough. A longer tail is a backlog, and an instance could not hold the users
/// of a million events.
const MAX_PARTS: usize = 20;

/// Counts the events after `position`, and returns the users they are about.
///
/// Users are read after the events are counted. An event that arrives in between adds its user one reading early, and
/// never an event without its user.
pub(super) async fn count(position: u64) -> Result<(Counts, Vec<String>)> {
    let counts = Counts::of(&buckets(position).await?);
    let users = users(position, &Filter::default()).await?;
    let users = users.ok_or_else(|| {
        let cause = "too many events are not in the summary yet; each request adds some";
        Failure::unavailable(cause)
    })?;
    Ok((counts, users))
}

/// Counts the events after `position`, by day and type.
pub(super) async fn buckets(position: u64) -> Result<Buckets> {
    events::buckets(&after(position)).await
}

/// Returns the users of the events after `position` that match, or `None` if there are too many events.
pub(super) async fn users(position: u64, filter: &Filter) -> Result<Option<Vec<String>>> {
    let all = after(position).and(filter.clone());
    match events::users_at_once(&all).await? {
        Some(users) => Ok(Some(users)),
        None => users_by_parts(position, filter).await,
    }
}

/// Finds the users in parts, because the cost of one query for many users grows with the number of
/// events times the number of users.
async fn users_by_parts(mut from: u64, filter: &Filter) -> Result<Option<Vec<String>>> {
    let mut users = HashSet::new();
    for _ in 0..MAX_PARTS {
        let rest = after(from);
        let Some(beyond) = events::position(&rest, MAX_EVENTS).await? else {
            users.extend(events::users(&rest.and(filter.clone())).await?);
            return Ok(Some(users.into_iter().collect()));
        };
        let end = end_before(from, beyond);
        let part = between(from, end).and(filter.clone());
        users.extend(events::users(&part).await?);
        from = end;
    }
    Ok(None)
}
