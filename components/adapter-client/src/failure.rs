//! Failures of a call, and their conversion to the errors of each interface.

use crate::bindings::exports::spindle::adapter::{
    dispatch, documents, envelopes, health, passwords, postgres, subject_documents,
    subject_queries, tokens,
};

/// A call that has no result of its function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The adapter cannot be reached, is busy, or does not know this component. The text tells the
    /// operator why.
    Unavailable(String),
    /// The adapter did not respond within the deadline.
    Timeout,
    /// The adapter could not read the arguments.
    Invalid(String),
    /// The arguments or the result exceed a limit of the adapter or of this client.
    TooLarge(String),
}

/// Converts a failure to the result of a function.
pub(crate) trait FromFailure {
    fn from_failure(failure: Failure) -> Self;
}

impl<T, E: From<Failure>> FromFailure for Result<T, E> {
    fn from_failure(failure: Failure) -> Self {
        Err(failure.into())
    }
}

/// `health.dependencies` is the only function that returns no error. A failure becomes a dependency
/// that is down and needed, because the service cannot work without the adapter.
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

/// For interfaces whose error has a case for each failure.
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

/// For interfaces whose errors are those of a token and those of what follows.
macro_rules! errors_of_subjects {
    ($($interface:ident $case:ident)+) => {$(
        impl From<Failure> for $interface::Error {
            fn from(failure: Failure) -> Self {
                match failure {
                    failure @ (Failure::Invalid(_) | Failure::TooLarge(_)) => Self::$case(failure.into()),
                    other => Self::Unavailable(other.reason()),
                }
            }
        }
    )+};
}
errors_of_subjects! { subject_queries Statement subject_documents Document }

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
    pub(crate) fn unknown_caller() -> Self {
        let reason = "the adapter does not know this component: set `adapter_token` to the token in the \
                      adapter's settings";
        Self::Unavailable(reason.to_owned())
    }

    /// An adapter asks for JSON only when a call is binary.
    pub(crate) fn other_types() -> Self {
        Self::Unavailable("the adapter cannot read calls as JSON".to_owned())
    }

    pub(crate) fn answer_too_large() -> Self {
        Self::TooLarge("the adapter's answer is larger than 16 MiB".to_owned())
    }

    fn reason(self) -> String {
        match self {
            Self::Timeout => "the adapter did not answer in time".to_owned(),
            Self::Unavailable(reason) | Self::Invalid(reason) | Self::TooLarge(reason) => reason,
        }
    }
}
