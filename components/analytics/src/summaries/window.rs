//! The stretches of time that events are summarised and counted by, by when they were received.

use serde_json::{Value, json};
use service_kit::extended_json;
use time::{Duration, OffsetDateTime};

/// Most events of a window, except for those of one millisecond: as far as a query can skip.
pub(super) const MAX_EVENTS: u32 = 10_000;

/// Documents keep milliseconds.
const MILLISECOND: Duration = Duration::milliseconds(1);

/// The filter for the events after `from`.
pub(super) fn received_after(from: OffsetDateTime) -> Value {
    json!({"received_at": {"$gt": extended_json::date(from)}})
}

/// The filter for the events after `from` up to `end`.
pub(super) fn received_between(from: OffsetDateTime, end: OffsetDateTime) -> Value {
    json!({"received_at": {
        "$gt": extended_json::date(from),
        "$lte": extended_json::date(end),
    }})
}

/// The millisecond before `beyond`, the first event that would be too many, but after `from`: a
/// millisecond with more than [`MAX_EVENTS`] becomes a window of its own.
pub(super) fn end_before(from: OffsetDateTime, beyond: OffsetDateTime) -> OffsetDateTime {
    (beyond - MILLISECOND).max(from + MILLISECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_window_ends_before_the_first_event_that_is_too_many() {
        let from = datetime!(2026-01-31 12:00 UTC);
        let after = |milliseconds: i64| from + Duration::milliseconds(milliseconds);
        assert_eq!(end_before(from, after(500)), after(499));
        // All of one millisecond at once.
        assert_eq!(end_before(from, after(1)), after(1));
    }
}
