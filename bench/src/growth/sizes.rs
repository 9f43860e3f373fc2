//! The sizes at which routes are measured.

use std::fmt;

use crate::figures::{grouped, size};

const SMALLEST: u64 = 1_000;
const EVENTS_PER_USER: u64 = 10;

/// Sessions end within minutes, so there are fewer than users.
const MOST_SESSIONS: u64 = 1_000_000;

/// Days of one user's activities.
const FEWEST_DAYS: f64 = 10.0;
const MOST_DAYS: f64 = 365.0;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) users: u64,
    pub(crate) events: u64,
    pub(crate) sessions: u64,
    /// Days on which one user did something.
    pub(crate) days: u64,
}

/// Like [`up_to`], without what only users see.
pub(crate) fn public_up_to(largest: u64) -> Vec<Size> {
    let sizes = up_to(largest).into_iter();
    let only = |size: Size| Size {
        sessions: 0,
        days: 0,
        ..size
    };
    sizes.map(only).collect()
}

/// A thousand users, and ten times as many until there are `largest`; up to `largest` events.
pub(crate) fn up_to(largest: u64) -> Vec<Size> {
    let users = std::iter::successors(Some(SMALLEST), |users| users.checked_mul(10));
    let users: Vec<u64> = users.take_while(|users| *users <= largest).collect();
    let last = users.len().max(2) - 1;
    let days =
        |index: usize| FEWEST_DAYS * (MOST_DAYS / FEWEST_DAYS).powf(index as f64 / last as f64);
    let sizes = users.iter().enumerate().map(|(index, users)| Size {
        users: *users,
        events: (users * EVENTS_PER_USER).min(largest),
        sessions: (*users).min(MOST_SESSIONS),
        days: days(index).round() as u64,
    });
    sizes.collect()
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            users,
            events,
            sessions,
            days,
        } = self;
        let (users, events, sessions) = (size(*users), size(*events), size(*sessions));
        let days = grouped(*days as f64);
        write!(
            f,
            "{users} users, {events} events, {sessions} sessions, {days} days of activities"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_end_at_the_largest() {
        let sizes = up_to(10_000_000);
        let users: Vec<u64> = sizes.iter().map(|size| size.users).collect();
        assert_eq!(users, [1_000, 10_000, 100_000, 1_000_000, 10_000_000]);
        let events: Vec<u64> = sizes.iter().map(|size| size.events).collect();
        assert_eq!(events, [10_000, 100_000, 1_000_000, 10_000_000, 10_000_000]);
        let last = sizes.last().unwrap();
        assert_eq!((last.sessions, last.days), (1_000_000, 365));
        assert_eq!(sizes[0].days, 10);
        let text = sizes[0].to_string();
        assert_eq!(
            text,
            "10³ users, 10⁴ events, 10³ sessions, 10 days of activities"
        );
    }
}
