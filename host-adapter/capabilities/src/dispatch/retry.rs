//! Decides whether to repeat a call, and after which pause. A pure function of the outcome.
//!
//! The pause is an exponential backoff with full jitter (a random pause between zero and the exponential
//! bound), so that callers that failed at the same time do not retry at the same time.

use std::time::Duration;

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The peer or a proxy answered with this status, and with this pause if it sent `Retry-After`.
    Answered(u16, Option<Duration>),
    /// There was no connection, so the peer has not received the call.
    NotSent,
    /// The attempt failed or timed out after sending began. The peer may have received the call.
    Unknown,
}

/// The limits on retries.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// The number of attempts, including the first.
    pub(super) attempts: u32,
    /// Upper bound of the first pause. It doubles with each attempt.
    pub(super) base: Duration,
    /// Upper bound of every pause.
    pub(super) cap: Duration,
}

impl RetryPolicy {
    /// Returns the pause before the next attempt, or `None` if `outcome` is final.
    ///
    /// `attempt` counts from 1. `repeatable` means that the peer may receive the call twice. `jitter` is
    /// a random number from 0 to 1.
    pub(super) fn next_pause(
        self,
        attempt: u32,
        outcome: Outcome,
        repeatable: bool,
        jitter: f64,
    ) -> Option<Duration> {
        let retryable = match outcome {
            Outcome::NotSent => true,
            Outcome::Unknown | Outcome::Answered(502..=504, _) => repeatable,
            Outcome::Answered(..) => false,
        };
        if !retryable || attempt >= self.attempts {
            return None;
        }
        let bound = self
            .base
            .saturating_mul(1 << (attempt - 1).min(16))
            .min(self.cap);
        let retry_after = match outcome {
            Outcome::Answered(_, Some(pause)) => pause.min(self.cap),
            _ => Duration::ZERO,
        };
        Some(bound.mul_f64(jitter.clamp(0.0, 1.0)).max(retry_after))
    }
}

/// Whether a method is idempotent (RFC 9110, section 9.2.2).
pub(super) fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "PUT" | "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        base: Duration::from_millis(100),
        cap: Duration::from_millis(150),
    };

    #[test]
    fn call_that_was_not_sent_is_retried() {
        assert!(POLICY.next_pause(1, Outcome::NotSent, false, 0.5).is_some());
    }

    #[test]
    fn call_that_may_have_arrived_is_retried_if_repeatable() {
        for outcome in [Outcome::Unknown, Outcome::Answered(503, None)] {
            assert!(POLICY.next_pause(1, outcome, true, 0.5).is_some());
            assert_eq!(POLICY.next_pause(1, outcome, false, 0.5), None);
        }
    }

    #[test]
    fn other_statuses_are_not_retried() {
        for status in [200, 400, 404, 408, 409, 429, 500, 501] {
            assert_eq!(
                POLICY.next_pause(1, Outcome::Answered(status, None), true, 0.5),
                None,
                "{status}"
            );
        }
    }

    #[test]
    fn last_attempt_is_not_retried() {
        assert!(POLICY.next_pause(2, Outcome::NotSent, true, 0.5).is_some());
        assert_eq!(POLICY.next_pause(3, Outcome::NotSent, true, 0.5), None);
    }

    #[test]
    fn pause_doubles_up_to_the_cap_with_jitter() {
        let pause = |attempt, jitter| POLICY.next_pause(attempt, Outcome::NotSent, true, jitter);
        assert_eq!(pause(1, 0.0), Some(Duration::ZERO));
        assert_eq!(pause(1, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(pause(2, 1.0), Some(POLICY.cap));
    }

    #[test]
    fn retry_after_is_respected_up_to_the_cap() {
        let asked = |millis| Outcome::Answered(503, Some(Duration::from_millis(millis)));
        assert_eq!(
            POLICY.next_pause(1, asked(120), true, 0.0),
            Some(Duration::from_millis(120))
        );
        assert_eq!(
            POLICY.next_pause(1, asked(60_000), true, 0.0),
            Some(POLICY.cap)
        );
    }
}
