//! The errors of this service, and the problem that a client receives for each.

use service_kit::problem::Problem;
use service_kit::{Failure, kind};

/// The result of a service function.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a service function failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    ReadsEventsOfOthers,
    WritesEventsOfOthers,
    PeriodTooLong,
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
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
                "The period has events of more than 1,000 pairs of day and type.",
                "Ask for shorter periods.",
            ),
            Error::Failure(failure) => return failure.into(),
        })
    }
}
