//! A circuit breaker: after many failures in a row a peer is not called for a while, so that callers do not
//! wait for it and it can recover. Pure logic.

use std::time::Duration;

use tokio::time::Instant;

/// The state of the calls to one peer.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// Failed attempts in a row.
    failures: u32,
    /// Failed attempts in a row that open it.
    limit: u32,
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Attempts are made.
    Closed,
    /// No attempt is made until then.
    Open(Instant),
    /// One attempt tries whether the peer works again.
    HalfOpen,
}

/// What an attempt changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The breaker opened after attempts had been made freely.
    Opened,
    /// The breaker closed.
    Closed,
}

impl Breaker {
    /// Creates a closed breaker that opens for `pause` after `limit` failures in a row.
    pub(super) fn new(limit: u32, pause: Duration) -> Self {
        Self {
            state: State::Closed,
            failures: 0,
            limit,
            pause,
        }
    }

    /// Asks to make an attempt. The caller must tell how it ended.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed => true,
            State::Open(until) if now >= until => {
                self.state = State::HalfOpen;
                true
            }
            State::Open(_) | State::HalfOpen => false,
        }
    }

    /// An attempt was answered.
    pub(super) fn succeeded(&mut self) -> Option<Change> {
        self.failures = 0;
        match self.state {
            State::HalfOpen => {
                self.state = State::Closed;
                Some(Change::Closed)
            }
            // An attempt that began before the breaker opened says little about the peer now.
            State::Closed | State::Open(_) => None,
        }
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::HalfOpen => {
                self.state = State::Open(now + self.pause);
                None
            }
            State::Closed if self.failures >= self.limit => {
                self.state = State::Open(now + self.pause);
                Some(Change::Opened)
            }
            State::Closed | State::Open(_) => None,
        }
    }

    /// The caller gave an attempt up. If it was the one that tries, the next call tries.
    pub(super) fn abandoned(&mut self, now: Instant) {
        if self.state == State::HalfOpen {
            self.state = State::Open(now);
        }
    }

    /// The state as a number, for metrics: 0 closed, 1 half-open, 2 open.
    pub(super) fn number(&self) -> i64 {
        match self.state {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(3, PAUSE);
        assert!(breaker.admit(now));
        assert_eq!(breaker.failed(now), None);
        assert_eq!(breaker.failed(now), None);
        assert_eq!(breaker.failed(now), Some(Change::Opened));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let now = Instant::now();
        assert!(!open(now).admit(now));
        let mut breaker = Breaker::new(3, PAUSE);
        for _ in 0..9 {
            assert_eq!(breaker.failed(now), None);
            assert_eq!(breaker.failed(now), None);
            assert_eq!(breaker.succeeded(), None);
        }
        assert!(breaker.admit(now));
    }

    #[test]
    fn one_attempt_tries_after_the_pause() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + PAUSE;
        assert!(breaker.admit(later));
        assert!(!breaker.admit(later));
        assert_eq!(breaker.failed(later), None);
        assert!(!breaker.admit(later));
        assert!(breaker.admit(later + PAUSE));
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert!(breaker.admit(later) && breaker.admit(later));
    }

    #[test]
    fn an_abandoned_try_is_repeated() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert!(breaker.admit(now + PAUSE));
        breaker.abandoned(now + PAUSE);
        assert!(breaker.admit(now + PAUSE));
    }
}
