//! When to try again, and after what pause: a pure function of what happened.
//!
//! Exponential backoff with full jitter (a pause between nothing and the exponential bound), because
//! callers that failed together must not come back together.

use std::time::Duration;

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The peer, or something before it, answered with this status, and perhaps said for how long
    /// to stay away (`Retry-After`).
    Answered(u16, Option<Duration>),
    /// No connection: the peer cannot have received anything.
    NotSent,
    /// It broke or timed out after sending began: the peer may have received it.
    Unknown,
}

/// The bounds of retrying.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Attempts in all, the first included.
    pub(super) attempts: u32,
    /// Upper bound of the first pause; it doubles with each attempt.
    pub(super) base: Duration,
    /// No pause is longer.
    pub(super) cap: Duration,
}

impl Policy {
    /// The pause before the next attempt, or `None` when `outcome` is to be taken as it is.
    ///
    /// `attempt` counts from 1. `repeatable` says that receiving the call twice does no harm.
    /// `jitter` is a random number from 0 to 1.
    pub(super) fn pause(
        self,
        attempt: u32,
        outcome: Outcome,
        repeatable: bool,
        jitter: f64,
    ) -> Option<Duration> {
        let again = match outcome {
            Outcome::NotSent => true,
            Outcome::Unknown | Outcome::Answered(502..=504, _) => repeatable,
            Outcome::Answered(..) => false,
        };
        if !again || attempt >= self.attempts {
            return None;
        }
        let bound = self
            .base
            .saturating_mul(1 << (attempt - 1).min(16))
            .min(self.cap);
        let asked = match outcome {
            Outcome::Answered(_, Some(asked)) => asked.min(self.cap),
            _ => Duration::ZERO,
        };
        Some(bound.mul_f64(jitter.clamp(0.0, 1.0)).max(asked))
    }
}

/// Methods that may be repeated without harm: RFC 9110, section 9.2.2.
pub(super) fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "PUT" | "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        attempts: 3,
        base: Duration::from_millis(100),
        cap: Duration::from_millis(150),
    };

    #[test]
    fn what_was_not_sent_is_always_tried_again() {
        assert!(POLICY.pause(1, Outcome::NotSent, false, 0.5).is_some());
    }

    #[test]
    fn what_may_have_arrived_is_repeated_only_when_harmless() {
        for outcome in [Outcome::Unknown, Outcome::Answered(503, None)] {
            assert!(POLICY.pause(1, outcome, true, 0.5).is_some());
            assert_eq!(POLICY.pause(1, outcome, false, 0.5), None);
        }
    }

    #[test]
    fn other_answers_are_final() {
        for status in [200, 400, 404, 408, 409, 429, 500, 501] {
            assert_eq!(
                POLICY.pause(1, Outcome::Answered(status, None), true, 0.5),
                None,
                "{status}"
            );
        }
    }

    #[test]
    fn attempts_are_counted() {
        assert!(POLICY.pause(2, Outcome::NotSent, true, 0.5).is_some());
        assert_eq!(POLICY.pause(3, Outcome::NotSent, true, 0.5), None);
    }

    #[test]
    fn the_pause_is_jittered_doubled_and_capped() {
        let pause = |attempt, jitter| POLICY.pause(attempt, Outcome::NotSent, true, jitter);
        assert_eq!(pause(1, 0.0), Some(Duration::ZERO));
        assert_eq!(pause(1, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(pause(2, 1.0), Some(POLICY.cap));
    }

    #[test]
    fn the_peer_s_wish_is_respected_up_to_the_cap() {
        let asked = |millis| Outcome::Answered(503, Some(Duration::from_millis(millis)));
        assert_eq!(
            POLICY.pause(1, asked(120), true, 0.0),
            Some(Duration::from_millis(120))
        );
        assert_eq!(POLICY.pause(1, asked(60_000), true, 0.0), Some(POLICY.cap));
    }
}
