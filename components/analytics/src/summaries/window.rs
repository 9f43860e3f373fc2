//! The windows of positions in which events are summarised and counted.

use service_kit::collection::filter::{Filter, gt, lte};

/// The field of an event's position.
pub(super) const POSITION: &str = "position";

/// Maximum number of events in a window, because a query can skip at most this many. A single position
/// may have more.
pub(super) const MAX_EVENTS: u32 = 10_000;

/// Returns the filter for the events after `from`.
pub(super) fn after(from: u64) -> Filter {
    gt(POSITION, from)
}

/// Returns the filter for the events after `from` up to `end`.
pub(super) fn between(from: u64, end: u64) -> Filter {
    after(from).and(lte(POSITION, end))
}

/// Returns the position before `beyond`, which is that of the first event over the limit. The result is
/// always after `from`: a position with more than [`MAX_EVENTS`] events becomes a separate window.
pub(super) fn end_before(from: u64, beyond: u64) -> u64 {
    beyond.saturating_sub(1).max(from.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_before_the_first_event_that_is_too_many() {
        assert_eq!(end_before(10, 500), 499);
        // All events have one position.
        assert_eq!(end_before(10, 11), 11);
    }
}
