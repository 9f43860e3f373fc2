//! The revoked sessions that one adapter holds in memory, so that checking a token does not wait.

use std::{
    collections::{BTreeSet, HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;

use super::clocks::unix_time;

/// The most sessions that are held, at up to 50 bytes each. With the default lifetime of tokens, this is
/// enough for five hundred logouts a second. Beyond it, the oldest tokens end early; see
/// [`Known::ended_until`].
pub(super) const CAPACITY: usize = 500_000;

/// Two times at which a session may be removed are the same if they differ by no more, in seconds. A
/// query tells the age of a session again and again, each time a moment off.
const TOLERANCE: u64 = 2;

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
///
/// A session is held as a 64-bit hash with a key of this process, which limits the memory for any length
/// of id. A session that is not revoked is rejected by chance with a probability of 3 in 10^14.
#[derive(Debug)]
pub struct Revocations {
    known: RwLock<Known>,
    hashing: RandomState,
    /// How long a session is held after it was revoked.
    retention: Duration,
    max_age: Duration,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Known {
    /// When each session may be removed, in seconds since 1970, by its hash. Uses the clock by which
    /// tokens expire.
    revoked: HashMap<u64, u64>,
    /// The same sessions, ordered by that time.
    by_end: BTreeSet<(u64, u64)>,
    /// Tokens that expire until then, in seconds since 1970, count as revoked, because the sessions that were removed
    /// may have such tokens. Usually they have expired. They have not if the clock was set back, or if more sessions
    /// were revoked than the list holds. The holder of such a token has to log in again a little earlier, and sessions
    /// can still be revoked.
    ended_until: u64,
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
            hashing: RandomState::new(),
            retention: lifetime + MARGIN,
            max_age,
            capacity: CAPACITY,
        }
    }

    /// Returns the status of a session, for a token of it that expires at `expires_at`, in seconds since
    /// 1970. A revoked session stays [`SessionStatus::Revoked`] even if the list is too old.
    #[must_use]
    pub fn status(&self, session: &str, expires_at: u64) -> SessionStatus {
        let hash = self.hashing.hash_one(session);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.revoked.contains_key(&hash) || expires_at <= known.ended_until {
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
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut known, sessions);
        known.remove_expired(unix_time().as_secs());
        known.complete_at = Some(queried_at);
    }

    fn insert(&self, known: &mut Known, sessions: impl IntoIterator<Item = (String, Duration)>) {
        let now = unix_time();
        let early = known.ended_until > now.as_secs();
        for (session, age) in sessions {
            let left = self.retention.saturating_sub(age);
            if left.is_zero() {
                continue;
            }
            let until = now + left;
            let hash = self.hashing.hash_one(session.as_str());
            known.insert(hash, until.as_secs().saturating_add(1));
            known.shrink_to(self.capacity);
        }
        if !early && known.ended_until > now.as_secs() {
            tracing::warn!(
                "more than {} sessions have ended within the lifetime of a token, so the oldest tokens end early",
                self.capacity
            );
        }
    }
}

impl Known {
    fn insert(&mut self, hash: u64, until: u64) {
        let held = self.revoked.get(&hash);
        if held.is_some_and(|held| until <= held.saturating_add(TOLERANCE)) {
            return;
        }
        if let Some(held) = self.revoked.insert(hash, until) {
            self.by_end.remove(&(held, hash));
        }
        self.by_end.insert((until, hash));
    }

    /// Removes sessions whose tokens have expired at `now`.
    fn remove_expired(&mut self, now: u64) {
        while self.by_end.first().is_some_and(|(until, _)| *until <= now) {
            self.remove_first();
        }
    }

    /// Removes the sessions that were revoked first until `capacity` are left.
    fn shrink_to(&mut self, capacity: usize) {
        while self.by_end.len() > capacity {
            self.remove_first();
        }
    }

    fn remove_first(&mut self) {
        if let Some((until, hash)) = self.by_end.pop_first() {
            self.revoked.remove(&hash);
            self.ended_until = self.ended_until.max(until);
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
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Unknown);
        revocations.update([], Instant::now());
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Active);
        tokio::time::advance(MINUTE / 2).await;
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Active);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Unknown);
        // An answer is as old as its query.
        revocations.update([], Instant::now() - MINUTE);
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn session_stays_revoked_when_the_list_is_old() {
        let revocations = revocations(9);
        revocations.add(revoked("a", Duration::ZERO));
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Revoked);
        revocations.update(revoked("b", Duration::ZERO), Instant::now());
        tokio::time::advance(MINUTE).await;
        assert_eq!(revocations.status("a", u64::MAX), SessionStatus::Revoked);
        assert_eq!(revocations.status("b", u64::MAX), SessionStatus::Revoked);
    }

    #[tokio::test]
    async fn session_is_removed_when_its_tokens_have_expired() {
        let revocations = revocations(9);
        revocations.add(revoked("late", 16 * MINUTE));
        revocations.add(revoked("early", 15 * MINUTE));
        revocations.update([], Instant::now());
        assert_eq!(revocations.status("late", u64::MAX), SessionStatus::Active);
        assert_eq!(
            revocations.status("early", u64::MAX),
            SessionStatus::Revoked
        );
    }

    #[tokio::test]
    async fn session_stays_revoked_when_the_clock_was_wrong() {
        let revocations = revocations(9);
        revocations.update(revoked("a", Duration::ZERO), Instant::now());
        let now = unix_time().as_secs();
        let of = |session: &str, minutes: u64| revocations.status(session, now + minutes * 60);
        // For a moment the clock was three hours ahead.
        let mut known = revocations.known.write().unwrap();
        known.remove_expired(now + 3 * 60 * 60);
        assert!(known.revoked.is_empty());
        drop(known);
        assert_eq!(of("a", 15), SessionStatus::Revoked);
        assert_eq!(of("later", 20), SessionStatus::Active);
    }

    #[tokio::test]
    async fn beyond_the_capacity_the_oldest_tokens_end_early() {
        let revocations = revocations(2);
        revocations.update([], Instant::now());
        for (session, minutes) in [("a", 10), ("b", 5), ("c", 0), ("b", 1)] {
            revocations.add(revoked(session, minutes * MINUTE));
        }
        let now = unix_time().as_secs();
        let status = |session: &str, minutes: u64| {
            // A token that was issued so many minutes ago.
            let token = revocations.status(session, now + 15 * 60 - minutes * 60);
            token == SessionStatus::Revoked
        };
        // Tokens from before the tenth minute cannot be told from those of `a`.
        assert!(status("a", 10) && status("other", 10));
        assert!(status("b", 8) && status("c", 1));
        assert!(!status("other", 3));
        let known = revocations.known.read().unwrap();
        assert!(known.revoked.len() <= 2 && known.by_end.len() <= 2);
    }

    #[tokio::test]
    async fn a_session_that_seems_younger_each_time_is_held_once() {
        let revocations = revocations(3);
        revocations.update(revoked("old", 14 * MINUTE), Instant::now());
        // PostgreSQL's clock was set back, so each query says that it was revoked at that moment.
        for seconds in (0..600).rev().step_by(10) {
            let age = Duration::from_secs(seconds);
            revocations.update(revoked("a", age), Instant::now());
        }
        let soon = unix_time().as_secs() + 60;
        assert_eq!(revocations.status("a", soon), SessionStatus::Revoked);
        assert_eq!(revocations.status("other", soon), SessionStatus::Active);
    }
}
