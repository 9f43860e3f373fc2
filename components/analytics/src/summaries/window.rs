//! The windows that events are summarised and counted in, by the time they were received.

use service_kit::collection::filter::{Filter, gt, lte};
use time::{Duration, OffsetDateTime};

/// Maximum events per window: a query can skip at most this many. One millisecond may have more.
pub(super) const MAX_EVENTS: u32 = 10_000;

/// Documents keep milliseconds.
const MILLISECOND: Duration = Duration::milliseconds(1);

/// The filter for the events after `from`.
pub(super) fn received_after(from: OffsetDateTime) -> Filter {
    gt("received_at", from)
}

/// The filter for the events after `from` up to `end`.
pub(super) fn received_between(from: OffsetDateTime, end: OffsetDateTime) -> Filter {
    received_after(from).and(lte("received_at", end))
}

/// The millisecond before `beyond` (the first event over the limit), but always after `from`: a
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
