//! One delivery of a message, and what becomes of the message after it.

use std::time::Duration;

use super::{lanes::pause, store::LeasedMessage};
use crate::dispatch::{self, Dispatch};

/// The type of the problem of a peer that works on a request with the same idempotency key. service-kit names it.
const IN_PROGRESS: &str = "/problems/request-in-progress";

/// The outcome of a delivery. A reason has at most some 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    /// The peer accepted the message.
    Delivered,
    /// The delivery failed for this reason and is repeated after this pause.
    Retry(Duration, String),
    /// The delivery failed for this reason and is not repeated.
    Rejected(String),
}

impl DeliveryOutcome {
    /// The outcome in one word, for metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry(..) => "retried",
            Self::Rejected(_) => "dead",
        }
    }
}

/// Delivers a message.
pub(super) async fn deliver(dispatch: Dispatch, leased: LeasedMessage) -> DeliveryOutcome {
    let LeasedMessage {
        attempts, message, ..
    } = leased;
    let request = dispatch::Request {
        peer: message.peer,
        method: "POST".into(),
        path: message.path,
        body: Some(message.body),
        sealed: true,
        idempotency_key: Some(message.idempotency_key),
        ..Default::default()
    };
    outcome_of(dispatch.call(request).await, attempts)
}

/// Decides what happens to a message. A 4xx status is final, except those that ask for a later request
/// (RFC 9110, RFC 6585, RFC 8470), and 409 of a peer that still works on the same message. A killed adapter may have
/// sent it.
///
/// A peer that cannot open the envelope cannot seal its answer, so the answer is not trusted and the
/// message is delivered again. The clock of one side may be wrong, or its keys may be those of before a
/// rotation.
fn outcome_of(
    result: Result<dispatch::Response, dispatch::Error>,
    attempts: i32,
) -> DeliveryOutcome {
    let again = |reason| {
        let failures = u32::try_from(attempts).unwrap_or_default();
        DeliveryOutcome::Retry(pause(failures), reason)
    };
    match result {
        Ok(response) if (200..300).contains(&response.status) => DeliveryOutcome::Delivered,
        Ok(response) => {
            let answer = dispatch::describe(response.status, &response.body);
            let reason = format!("the peer answered {answer}");
            let asks_for_later = match response.status {
                408 | 425 | 429 => true,
                409 => dispatch::kind(&response.body).as_deref() == Some(IN_PROGRESS),
                _ => false,
            };
            if (400..500).contains(&response.status) && !asks_for_later {
                DeliveryOutcome::Rejected(reason)
            } else {
                again(reason)
            }
        }
        Err(
            error @ (dispatch::Error::Denied(_)
            | dispatch::Error::Invalid(_)
            | dispatch::Error::TooLarge(_)),
        ) => DeliveryOutcome::Rejected(error.to_string()),
        Err(error) => again(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Result<dispatch::Response, dispatch::Error> {
        Ok(dispatch::Response {
            status,
            body: String::new(),
        })
    }

    #[test]
    fn message_is_delivered_only_with_a_2xx_status() {
        assert_eq!(outcome_of(answered(201), 1), DeliveryOutcome::Delivered);
        for status in [301, 408, 425, 429, 500, 501] {
            assert!(
                matches!(outcome_of(answered(status), 1), DeliveryOutcome::Retry(..)),
                "{status}"
            );
        }
        for error in [dispatch::Error::Timeout, dispatch::Error::Untrusted] {
            assert!(matches!(
                outcome_of(Err(error), 1),
                DeliveryOutcome::Retry(..)
            ));
        }
    }

    #[test]
    fn message_that_the_peer_works_on_is_retried() {
        let conflict = |kind: &str| dispatch::Response {
            status: 409,
            body: format!("{{\"type\": \"/problems/{kind}\", \"status\": 409}}"),
        };
        let outcome = |kind| outcome_of(Ok(conflict(kind)), 1);
        assert!(matches!(
            outcome("request-in-progress"),
            DeliveryOutcome::Retry(..)
        ));
        assert!(matches!(outcome("taken"), DeliveryOutcome::Rejected(_)));
    }

    #[test]
    fn message_with_a_final_error_is_not_retried() {
        assert!(matches!(
            outcome_of(answered(422), 1),
            DeliveryOutcome::Rejected(_)
        ));
        assert!(matches!(
            outcome_of(Err(dispatch::Error::Denied(String::new())), 1),
            DeliveryOutcome::Rejected(_)
        ));
    }
}
