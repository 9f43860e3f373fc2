//! What one adapter knows of ended sessions, to answer from without waiting.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// Most ended sessions that are remembered, at some 100 bytes each: at the usual lifetime of a token
/// two hundred logouts a second.
const CAPACITY: usize = 200_000;

/// How much longer than a token lives its session is remembered: clocks of adapters and of
/// PostgreSQL differ by less, and a token is issued a moment before its session is stored.
const MARGIN: Duration = Duration::from_secs(60);

/// What is known of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has not ended.
    Open,
    /// It has.
    Ended,
    /// Too long ago was PostgreSQL heard of for anybody to say.
    Unknown,
}

/// Ended sessions, each for as long as its tokens could be good.
#[derive(Debug)]
pub struct Memory {
    known: RwLock<Known>,
    /// From the end of a session to when it may be forgotten.
    keep: Duration,
    max_age: Duration,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Known {
    /// By id: when it may be forgotten, by the clock that tokens expire by.
    ended: HashMap<Box<str>, SystemTime>,
    /// All that ended before this moment are in `ended`; none before the first answer.
    complete_at: Option<Instant>,
}

impl Memory {
    /// For tokens that live as long as `lifetime`. What it knows is good for `max_age` after the
    /// last answer of PostgreSQL.
    #[must_use]
    pub fn new(lifetime: Duration, max_age: Duration) -> Self {
        Self {
            known: RwLock::default(),
            keep: lifetime + MARGIN,
            max_age,
            capacity: CAPACITY,
        }
    }

    /// Whether a session has ended. That it has is certain also when nothing was heard for long.
    #[must_use]
    pub fn standing(&self, session: &str) -> Standing {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.ended.contains_key(session) {
            Standing::Ended
        } else if known
            .complete_at
            .is_some_and(|at| at.elapsed() <= self.max_age)
        {
            Standing::Open
        } else {
            Standing::Unknown
        }
    }

    /// How long ago a session may have ended and still matter.
    pub(super) fn remembers(&self) -> Duration {
        self.keep
    }

    /// How old what is known may get.
    pub(super) fn max_age(&self) -> Duration {
        self.max_age
    }

    /// How long ago PostgreSQL was asked the last question that it answered.
    pub(super) fn age(&self) -> Option<Duration> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.complete_at.map(|at| at.elapsed())
    }

    /// Adds sessions, each with how long ago it ended.
    pub(crate) fn add(&self, sessions: impl IntoIterator<Item = (String, Duration)>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut known, sessions);
    }

    /// Adds everything that PostgreSQL, asked at the moment `asked`, knew besides, and forgets what
    /// does not matter any more.
    pub(crate) fn learn(
        &self,
        sessions: impl IntoIterator<Item = (String, Duration)>,
        asked: Instant,
    ) {
        let now = SystemTime::now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut known, sessions);
        known.ended.retain(|_, until| now < *until);
        known.complete_at = Some(asked);
    }

    pub(super) fn is_full(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.ended.len() >= self.capacity
    }

    fn insert(&self, known: &mut Known, sessions: impl IntoIterator<Item = (String, Duration)>) {
        let now = SystemTime::now();
        for (session, ago) in sessions {
            let until = now + self.keep.saturating_sub(ago);
            known.ended.insert(session.into_boxed_str(), until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn memory(capacity: usize) -> Memory {
        Memory {
            capacity,
            ..Memory::new(15 * MINUTE, MINUTE / 2)
        }
    }

    fn ended(session: &str, ago: Duration) -> [(String, Duration); 1] {
        [(session.to_owned(), ago)]
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_open_before_the_first_answer_and_long_after_the_last() {
        let memory = memory(9);
        assert_eq!(memory.standing("a"), Standing::Unknown);
        memory.learn([], Instant::now());
        assert_eq!(memory.standing("a"), Standing::Open);
        tokio::time::advance(MINUTE / 2).await;
        assert_eq!(memory.standing("a"), Standing::Open);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(memory.standing("a"), Standing::Unknown);
        // The answer is as old as the question.
        memory.learn([], Instant::now() - MINUTE);
        assert_eq!(memory.standing("a"), Standing::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_session_stays_ended_however_old_the_knowledge() {
        let memory = memory(9);
        memory.add(ended("a", Duration::ZERO));
        assert_eq!(memory.standing("a"), Standing::Ended);
        memory.learn(ended("b", Duration::ZERO), Instant::now());
        tokio::time::advance(MINUTE).await;
        assert_eq!(memory.standing("a"), Standing::Ended);
        assert_eq!(memory.standing("b"), Standing::Ended);
    }

    #[tokio::test]
    async fn a_session_is_forgotten_when_its_tokens_have_expired() {
        let memory = memory(9);
        memory.add(ended("late", 16 * MINUTE));
        memory.add(ended("early", 15 * MINUTE));
        memory.learn([], Instant::now());
        assert_eq!(memory.standing("late"), Standing::Open);
        assert_eq!(memory.standing("early"), Standing::Ended);
    }

    #[tokio::test]
    async fn it_is_full_at_its_capacity() {
        let memory = memory(2);
        memory.add(ended("a", Duration::ZERO));
        assert!(!memory.is_full());
        memory.add(ended("b", Duration::ZERO));
        assert!(memory.is_full());
    }
}
