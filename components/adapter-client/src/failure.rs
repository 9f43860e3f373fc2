//! Why there is no answer from the adapter, as each interface says it.

use crate::bindings::exports::spindle::adapter::{
    dispatch, documents, envelopes, health, passwords, postgres, tokens,
};

/// A call that did not get as far as a result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The adapter cannot be reached, is busy, or does not know this component: whoever runs it has
    /// to do something. The text says what.
    Unavailable(String),
    /// No answer within the deadline.
    Timeout,
    /// The adapter could not read the arguments.
    Invalid(String),
    /// Arguments or result are larger than the adapter or this client takes.
    TooLarge(String),
}

/// The result of a function when the adapter gave none.
pub(crate) trait FromFailure {
    fn from_failure(failure: Failure) -> Self;
}

impl<T, E: From<Failure>> FromFailure for Result<T, E> {
    fn from_failure(failure: Failure) -> Self {
        Err(failure.into())
    }
}

/// `health.dependencies` is the one function without an error: an adapter that does not answer is a
/// dependency that is down, and the service is of no use without it.
impl FromFailure for Vec<health::Dependency> {
    fn from_failure(_: Failure) -> Self {
        vec![health::Dependency {
            name: "adapter".to_owned(),
            kind: "host-adapter".to_owned(),
            state: health::State::Down,
            needed: true,
            latency_microseconds: None,
            last_answered: None,
        }]
    }
}

/// Interfaces whose errors have a case for each failure.
macro_rules! errors_with_all_cases {
    ($($interface:ident)+) => {$(
        impl From<Failure> for $interface::Error {
            fn from(failure: Failure) -> Self {
                match failure {
                    Failure::Unavailable(reason) => Self::Unavailable(reason),
                    Failure::Timeout => Self::Timeout,
                    Failure::Invalid(reason) => Self::Invalid(reason),
                    Failure::TooLarge(reason) => Self::TooLarge(reason),
                }
            }
        }
    )+};
}
errors_with_all_cases! { postgres documents dispatch }

impl From<Failure> for passwords::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(reason) | Failure::TooLarge(reason) => Self::Invalid(reason),
            other => Self::Unavailable(other.reason()),
        }
    }
}

impl From<Failure> for tokens::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(_) | Failure::TooLarge(_) => Self::Invalid,
            other => Self::Unavailable(other.reason()),
        }
    }
}

impl From<Failure> for envelopes::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(_) => Self::Invalid,
            Failure::TooLarge(reason) => Self::TooLarge(reason),
            other => Self::Unavailable(other.reason()),
        }
    }
}

impl Failure {
    fn reason(self) -> String {
        match self {
            Self::Timeout => "the adapter did not answer in time".to_owned(),
            Self::Unavailable(reason) | Self::Invalid(reason) | Self::TooLarge(reason) => reason,
        }
    }
}
