//! The windows of time in which events are summarised and counted, by when they were received.

use service_kit::collection::filter::{Filter, gt, lte};
use time::{Duration, OffsetDateTime};

/// Maximum number of events in a window, because a query can skip at most this many. A single
/// millisecond may have more.
pub(super) const MAX_EVENTS: u32 = 10_000;

/// Documents keep milliseconds.
const MILLISECOND: Duration = Duration::milliseconds(1);

/// Returns the filter for the events after `from`.
pub(super) fn received_after(from: OffsetDateTime) -> Filter {
    gt("received_at", from)
}

/// Returns the filter for the events after `from` up to `end`.
pub(super) fn received_between(from: OffsetDateTime, end: OffsetDateTime) -> Filter {
    received_after(from).and(lte("received_at", end))
}

/// Returns the millisecond before `beyond`, which is the first event over the limit. The result is
/// always after `from`: a millisecond with more than [`MAX_EVENTS`] events becomes a separate window.
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
        // All events are in one millisecond.
        assert_eq!(end_before(from, after(1)), after(1));
    }
}
