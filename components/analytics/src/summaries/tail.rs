//! The events that are not in the summary yet, counted by query.

use std::collections::HashSet;

use service_kit::Failure;
use service_kit::adapter::documents::Direction;
use service_kit::collection::filter::{Filter, gt, lte};
use time::OffsetDateTime;

use super::advance::{MAX_EVENTS, before};
use super::{Counts, Result, events};

/// How many parts a tail may be counted in, of some ten thousand events each. Usually one is enough.
/// A longer tail is a backlog, and an instance could not hold the users of a million events.
const MAX_PARTS: usize = 20;

/// Numbers over the events after `watermark`, and their users.
pub(super) async fn count(watermark: OffsetDateTime) -> Result<(Counts, Vec<String>)> {
    let all = received_after(watermark);
    let (counts, users) =
        futures_util::future::join(events::counts(&all), events::users_at_once(&all)).await;
    let users = match users? {
        Some(users) => users,
        None => users_by_parts(watermark).await?,
    };
    Ok((counts?, users))
}

/// In parts, because the cost of counting many users grows with the number of events times the
/// number of users.
async fn users_by_parts(mut from: OffsetDateTime) -> Result<Vec<String>> {
    let mut users = HashSet::new();
    for _ in 0..MAX_PARTS {
        let rest = received_after(from);
        let beyond = events::received(Direction::Ascending, &rest, MAX_EVENTS).await?;
        let Some(beyond) = beyond else {
            users.extend(events::users(&rest).await?);
            return Ok(users.into_iter().collect());
        };
        let end = before(from, beyond);
        users.extend(events::users(&received_between(from, end)).await?);
        from = end;
    }
    let cause = "too many events are not in the summary yet; each request adds some";
    Err(Failure::unavailable(cause))
}

fn received_after(watermark: OffsetDateTime) -> Filter {
    gt("received_at", watermark)
}

/// The filter for the events after `from` up to `end`.
pub(super) fn received_between(from: OffsetDateTime, end: OffsetDateTime) -> Filter {
    received_after(from).and(lte("received_at", end))
}
