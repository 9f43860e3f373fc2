//! The adapter's errors as problems: one table, used by `?`.
//!
//! A service that wants another answer (a taken name, a wrong password) matches its error before.
//! `denied` and `invalid` are mistakes of ours: the first in the adapter's grants, the second in
//! our SQL or filters. A `conflict` has left the data as it was, so the client may repeat.

use super::{Problem, kinds};
use crate::adapter::{dispatch, documents, envelopes, passwords, postgres, tokens};

impl From<postgres::Error> for Problem {
    fn from(error: postgres::Error) -> Self {
        use postgres::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("postgres: {reason}")),
            Error::Timeout => Self::unavailable("postgres: a statement ran into its time limit"),
            Error::Conflict => Self::unavailable("postgres: transactions were in conflict"),
            Error::Denied(what) => Self::internal(format!("postgres: not granted: {what}")),
            Error::ConstraintViolation(name) => {
                Self::internal(format!("postgres: constraint `{name}` was violated"))
            }
            Error::UnexpectedRows(mismatch) => Self::internal(format!(
                "postgres: statement {} of a transaction affected {} rows, not the expected number",
                mismatch.statement, mismatch.affected
            )),
            Error::Invalid(why) => Self::internal(format!("postgres: not acceptable: {why}")),
            Error::TooLarge(what) => Self::internal(format!("postgres: too large: {what}")),
        }
    }
}

impl From<documents::Error> for Problem {
    fn from(error: documents::Error) -> Self {
        use documents::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("documents: {reason}")),
            Error::Timeout => Self::unavailable("documents: a call ran into its time limit"),
            Error::Denied(what) => Self::internal(format!("documents: not granted: {what}")),
            Error::Invalid(why) => Self::internal(format!("documents: not acceptable: {why}")),
            Error::TooLarge(what) => Self::internal(format!("documents: too large: {what}")),
        }
    }
}

impl From<passwords::Error> for Problem {
    fn from(error: passwords::Error) -> Self {
        use passwords::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("passwords: {reason}")),
            Error::Denied(what) => Self::internal(format!("passwords: not granted: {what}")),
            Error::Invalid(why) => Self::internal(format!("passwords: not acceptable: {why}")),
        }
    }
}

impl From<tokens::Error> for Problem {
    fn from(error: tokens::Error) -> Self {
        use tokens::Error;
        match error {
            Error::Denied(what) => Self::internal(format!("tokens: not granted: {what}")),
            Error::Expired => Self::new(&kinds::UNAUTHENTICATED, "The access token has expired.")
                .with_challenge(
                    r#"Bearer realm="spindle", error="invalid_token", error_description="The access token has expired""#,
                ),
            Error::Ended => Self::of(&kinds::SESSION_ENDED).with_challenge(
                r#"Bearer realm="spindle", error="invalid_token", error_description="The session has ended""#,
            ),
            Error::Unavailable(reason) => Self::unavailable(format!("tokens: {reason}")),
            Error::Invalid => Self::new(&kinds::UNAUTHENTICATED, "The access token is not valid.")
                .with_challenge(r#"Bearer realm="spindle", error="invalid_token""#),
        }
    }
}

/// A peer that answers what cannot be read is as good as one that does not answer.
impl From<dispatch::Error> for Problem {
    fn from(error: dispatch::Error) -> Self {
        use dispatch::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("dispatch: {reason}")),
            Error::Timeout => Self::unavailable("dispatch: the peer did not answer in time"),
            Error::Untrusted => Self::unavailable("dispatch: the peer's answer is not trusted"),
            Error::Denied(what) => Self::internal(format!("dispatch: not granted: {what}")),
            Error::Invalid(why) => Self::internal(format!("dispatch: not acceptable: {why}")),
            Error::TooLarge(what) => Self::internal(format!("dispatch: too large: {what}")),
        }
    }
}

/// Of opening a request's envelope; a failure to seal is never the client's doing, see `sealing`.
impl From<envelopes::Error> for Problem {
    fn from(error: envelopes::Error) -> Self {
        use envelopes::Error;
        match error {
            Error::Unavailable(reason) => Self::unavailable(format!("envelopes: {reason}")),
            Error::Denied(what) => Self::internal(format!("envelopes: not granted: {what}")),
            Error::Invalid => Self::of(&kinds::ENVELOPE_INVALID),
            Error::TooLarge(_) => Self::of(&kinds::BODY_TOO_LARGE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_503_and_our_own_mistakes_500() {
        let status = |error: postgres::Error| Problem::from(error).status();
        assert_eq!(status(postgres::Error::Unavailable(String::new())), 503);
        assert_eq!(status(postgres::Error::Timeout), 503);
        assert_eq!(status(postgres::Error::Invalid(String::new())), 500);
        assert_eq!(status(postgres::Error::Denied(String::new())), 500);
    }

    #[test]
    fn a_refused_token_is_401_and_a_refused_envelope_400() {
        assert_eq!(Problem::from(tokens::Error::Expired).status(), 401);
        let ended = Problem::from(tokens::Error::Ended);
        assert_eq!((ended.status(), ended.kind().name), (401, "session-ended"));
        let unavailable = tokens::Error::Unavailable(String::new());
        assert_eq!(Problem::from(unavailable).status(), 503);
        assert_eq!(Problem::from(envelopes::Error::Invalid).status(), 400);
    }
}
