//! The revoked sessions that one adapter holds in memory, so that checking a token does not wait.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// The most sessions that are held, at about 100 bytes each. With the default lifetime of tokens, this
/// is enough for two hundred logouts a second.
const CAPACITY: usize = 200_000;

/// How much longer than the lifetime of a token its session is held. The clocks of adapters and
/// PostgreSQL differ by less, and a token is issued a moment before its session is stored.
const MARGIN: Duration = Duration::from_secs(60);

/// Whether a session is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// The session is not revoked.
    Active,
    /// The session is revoked.
    Revoked,
    /// PostgreSQL has not answered for so long that the session may have been revoked since.
    Unknown,
}

/// Revoked sessions. Each is held until all of its tokens have expired.
#[derive(Debug)]
pub struct Revocations {
    known: RwLock<Known>,
    /// How long a session is held after it was revoked.
    retention: Duration,
    max_age: Duration,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Known {
    /// The time at which each session may be removed, by id. Uses the clock by which tokens expire.
    revoked: HashMap<Box<str>, SystemTime>,
    /// `revoked` contains every session that was revoked before this moment. `None` until PostgreSQL has
    /// answered for the first time.
    complete_at: Option<Instant>,
}

impl Revocations {
    /// Creates an empty list for tokens with this `lifetime`. The list is valid for `max_age` after the
    /// last query that PostgreSQL answered.
    #[must_use]
    pub fn new(lifetime: Duration, max_age: Duration) -> Self {
        Self {
            known: RwLock::default(),
            retention: lifetime + MARGIN,
            max_age,
            capacity: CAPACITY,
        }
    }

    /// Returns the status of a session. A revoked session stays [`SessionStatus::Revoked`] even if the
    /// list is too old.
    #[must_use]
    pub fn status(&self, session: &str) -> SessionStatus {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.revoked.contains_key(session) {
            SessionStatus::Revoked
        } else if known
            .complete_at
            .is_some_and(|at| at.elapsed() <= self.max_age)
        {
            SessionStatus::Active
        } else {
            SessionStatus::Unknown
        }
    }

    /// How long a session is held after it was revoked.
    pub(super) fn retention(&self) -> Duration {
        self.retention
    }

    /// How old the list may become before sessions are [`SessionStatus::Unknown`].
    pub(super) fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The time since the last query that PostgreSQL answered.
    pub(super) fn age(&self) -> Option<Duration> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.complete_at.map(|at| at.elapsed())
    }

    /// Adds sessions, each with the time since it was revoked.
    pub(crate) fn add(&self, sessions: impl IntoIterator<Item = (String, Duration)>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut known, sessions);
    }

    /// Adds the result of a query that was sent at `queried_at`, and removes sessions whose tokens have
    /// expired.
    pub(crate) fn update(
        &self,
        sessions: impl IntoIterator<Item = (String, Duration)>,
        queried_at: Instant,
    ) {
        let now = SystemTime::now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut known, sessions);
        known.revoked.retain(|_, until| now < *until);
        known.complete_at = Some(queried_at);
    }

    pub(super) fn is_full(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.revoked.len() >= self.capacity
    }

    fn insert(&self, known: &mut Known, sessions: impl IntoIterator<Item = (String, Duration)>) {
        let now = SystemTime::now();
        for (session, age) in sessions {
            let until = now + self.retention.saturating_sub(age);
            known.revoked.insert(session.into_boxed_str(), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn revocations(capacity: usize) -> Revocations {
        Revocations {
            capacity,
            ..Revocations::new(15 * MINUTE, MINUTE / 2)
        }
    }

    fn revoked(session: &str, age: Duration) -> [(String, Duration); 1] {
        [(session.to_owned(), age)]
    }

    #[tokio::test(start_paused = true)]
    async fn status_is_unknown_without_a_recent_answer() {
        let revocations = revocations(9);
        assert_eq!(revocations.status("a"), SessionStatus::Unknown);
        revocations.update([], Instant::now());
        assert_eq!(revocations.status("a"), SessionStatus::Active);
        tokio::time::advance(MINUTE / 2).await;
        assert_eq!(revocations.status("a"), SessionStatus::Active);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(revocations.status("a"), SessionStatus::Unknown);
        // An answer is as old as its query.
        revocations.update([], Instant::now() - MINUTE);
        assert_eq!(revocations.status("a"), SessionStatus::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn session_stays_revoked_when_the_list_is_old() {
        let revocations = revocations(9);
        revocations.add(revoked("a", Duration::ZERO));
        assert_eq!(revocations.status("a"), SessionStatus::Revoked);
        revocations.update(revoked("b", Duration::ZERO), Instant::now());
        tokio::time::advance(MINUTE).await;
        assert_eq!(revocations.status("a"), SessionStatus::Revoked);
        assert_eq!(revocations.status("b"), SessionStatus::Revoked);
    }

    #[tokio::test]
    async fn session_is_removed_when_its_tokens_have_expired() {
        let revocations = revocations(9);
        revocations.add(revoked("late", 16 * MINUTE));
        revocations.add(revoked("early", 15 * MINUTE));
        revocations.update([], Instant::now());
        assert_eq!(revocations.status("late"), SessionStatus::Active);
        assert_eq!(revocations.status("early"), SessionStatus::Revoked);
    }

    #[tokio::test]
    async fn list_is_full_at_its_capacity() {
        let revocations = revocations(2);
        revocations.add(revoked("a", Duration::ZERO));
        assert!(!revocations.is_full());
        revocations.add(revoked("b", Duration::ZERO));
        assert!(revocations.is_full());
    }
}
