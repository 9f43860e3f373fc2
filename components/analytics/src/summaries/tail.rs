//! The events that are not in the summary yet, counted by query.

use std::collections::HashSet;

use service_kit::Failure;

use super::counts::Buckets;
use super::window::{MAX_EVENTS, after, between, end_before};
use super::{Counts, Result, events};

/// Maximum number of parts in which a tail is counted. Each part has about ten thousand events, and
/// usually one part is enough. A longer tail is a backlog, and an instance could not hold the users
/// of a million events.
const MAX_PARTS: usize = 20;

/// Counts the events after `position`, and returns the users they are about.
pub(super) async fn count(position: u64) -> Result<(Counts, Vec<String>)> {
    let all = after(position);
    let (counts, users) =
        futures_util::future::join(events::buckets(&all), events::users_at_once(&all)).await;
    let users = match users? {
        Some(users) => users,
        None => users_by_parts(position).await?,
    };
    Ok((Counts::of(&counts?), users))
}

/// Counts the events after `position`, by day and type.
pub(super) async fn buckets(position: u64) -> Result<Buckets> {
    events::buckets(&after(position)).await
}

/// Finds the users in parts, because the cost of one query for many users grows with the number of
/// events times the number of users.
async fn users_by_parts(mut from: u64) -> Result<Vec<String>> {
    let mut users = HashSet::new();
    for _ in 0..MAX_PARTS {
        let rest = after(from);
        let Some(beyond) = events::position(&rest, MAX_EVENTS).await? else {
            users.extend(events::users(&rest).await?);
            return Ok(users.into_iter().collect());
        };
        let end = end_before(from, beyond);
        users.extend(events::users(&between(from, end)).await?);
        from = end;
    }
    let cause = "too many events are not in the summary yet; each request adds some";
    Err(Failure::unavailable(cause))
}
