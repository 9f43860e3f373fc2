//! Why events cannot be counted.

use service_kit::Failure;

/// Why a period cannot be counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// It has events on too many days.
    TooManyDays,
    Failure(Failure),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
