//! The errors of this service, and the problem that a client receives for each.

use service_kit::problem::{FieldError, Problem, kinds};
use service_kit::{Failure, SubjectError, TokenRejected, kind};

use crate::summaries;

/// The result of a service function.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a service function failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    ReadsEventsOfOthers,
    WritesEventsOfOthers,
    /// The event happened in the future, if the clock of its sender is right.
    TooFarAhead,
    PeriodTooLong,
    /// The access token of the request is not accepted.
    TokenRejected(TokenRejected),
    /// The event has an id, and the idempotency key is not that id.
    KeyIsNotTheId,
    KeyReused,
    RequestInProgress,
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl From<summaries::Error> for Error {
    fn from(error: summaries::Error) -> Self {
        match error {
            summaries::Error::TooManyDays => Self::PeriodTooLong,
            summaries::Error::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl Error {
    /// For an insert for the user of a token.
    pub(crate) fn of_subject(error: SubjectError<Failure>) -> Self {
        match error {
            SubjectError::Token(rejected) => Self::TokenRejected(rejected),
            SubjectError::Call(failure) => Self::Failure(failure),
        }
    }
}

/// Status, name, title and detail of each error. Clients branch on the names.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::of(match error {
            Error::ReadsEventsOfOthers => kind!(
                403,
                "forbidden",
                "Forbidden",
                "Users may read only events about themselves.",
            ),
            Error::WritesEventsOfOthers => kind!(
                403,
                "forbidden",
                "Forbidden",
                "Users may write only events about themselves.",
            ),
            Error::PeriodTooLong => kind!(
                422,
                "period-too-long",
                "Period Too Long",
                "The period has events on more than 10,000 days.",
                "Ask for shorter periods.",
            ),
            Error::TooFarAhead => return Self::invalid_fields(vec![too_far_ahead()]),
            Error::TokenRejected(rejected) => return rejected.into(),
            Error::KeyIsNotTheId => {
                return Self::invalid_fields(vec![FieldError {
                    pointer: "/event_id".to_owned(),
                    message: "`/event_id` must be the `Idempotency-Key`, or be left out."
                        .to_owned(),
                    code: "not_the_key",
                }]);
            }
            Error::KeyReused => &kinds::IDEMPOTENCY_KEY_REUSED,
            Error::RequestInProgress => &kinds::REQUEST_IN_PROGRESS,
            Error::Failure(failure) => return failure.into(),
        })
    }
}

/// What is wrong with an event from the future.
pub(crate) fn too_far_ahead() -> FieldError {
    FieldError {
        pointer: "/timestamp".to_owned(),
        message: "`/timestamp` must not be more than 5 minutes in the future.".to_owned(),
        code: "in_future",
    }
}
