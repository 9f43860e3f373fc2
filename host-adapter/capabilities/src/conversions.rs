//! Converts the errors of the capabilities into the errors of the contract.
//!
//! The capabilities have separate error types, because these convert from the errors of drivers and have
//! texts for the log. All other types of the contract are used directly.

use adapter_contract::{dispatch, documents, envelopes, passwords, postgres, tokens};

use crate::{
    Denied,
    vault::{EnvelopeError, PasswordError, TokenError},
};

/// Converts [`Denied`] into the error case `denied` of each interface.
macro_rules! convert_denied {
    ($($interface:ident),*) => {$(
        impl From<Denied> for $interface::Error {
            fn from(denied: Denied) -> Self {
                Self::Denied(denied.to_string())
            }
        }
    )*};
}
convert_denied!(documents, envelopes, passwords, postgres, tokens);

impl From<crate::postgres::Error> for postgres::Error {
    fn from(error: crate::postgres::Error) -> Self {
        use crate::postgres::Error;
        match error {
            Error::Denied(reason) => Self::Denied(reason),
            Error::Unavailable(reason) => Self::Unavailable(reason),
            Error::Timeout => Self::Timeout,
            Error::ConstraintViolation(name) => Self::ConstraintViolation(name),
            Error::UnexpectedRows {
                statement,
                affected,
            } => Self::UnexpectedRows(postgres::RowMismatch {
                statement,
                affected,
            }),
            Error::Conflict => Self::Conflict,
            Error::Invalid(reason) => Self::Invalid(reason),
            Error::TooLarge(reason) => Self::TooLarge(reason),
        }
    }
}

impl From<crate::documents::Error> for documents::Error {
    fn from(error: crate::documents::Error) -> Self {
        use crate::documents::Error;
        match error {
            Error::Denied(reason) => Self::Denied(reason),
            Error::Unavailable(reason) => Self::Unavailable(reason),
            Error::Timeout => Self::Timeout,
            Error::Invalid(reason) => Self::Invalid(reason),
            Error::TooLarge(reason) => Self::TooLarge(reason),
        }
    }
}

impl From<crate::dispatch::Error> for dispatch::Error {
    fn from(error: crate::dispatch::Error) -> Self {
        use crate::dispatch::Error;
        match error {
            Error::Denied(reason) => Self::Denied(reason),
            Error::Unavailable(reason) => Self::Unavailable(reason),
            Error::Timeout => Self::Timeout,
            Error::Invalid(reason) => Self::Invalid(reason),
            Error::Untrusted => Self::Untrusted,
            Error::TooLarge(reason) => Self::TooLarge(reason),
        }
    }
}

impl From<PasswordError> for passwords::Error {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Unavailable => Self::Unavailable(error.to_string()),
            PasswordError::TooManyAttempts(seconds) => Self::TooManyAttempts(seconds),
            PasswordError::Invalid(reason) => Self::Invalid(reason.to_owned()),
        }
    }
}

impl From<TokenError> for tokens::Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::Expired,
            TokenError::SessionRevoked => Self::Ended,
            TokenError::SessionUnknown => Self::Unavailable(error.to_string()),
            TokenError::Invalid
            | TokenError::InvalidSubject
            | TokenError::InvalidSession
            | TokenError::UnknownAudience
            | TokenError::SigningFailed => Self::Invalid,
        }
    }
}

impl From<crate::sessions::Error> for tokens::Error {
    fn from(error: crate::sessions::Error) -> Self {
        match error {
            crate::sessions::Error::Invalid(_) => Self::Invalid,
            crate::sessions::Error::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<EnvelopeError> for envelopes::Error {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            EnvelopeError::Unavailable => Self::Unavailable(error.to_string()),
            _ => Self::Invalid,
        }
    }
}
