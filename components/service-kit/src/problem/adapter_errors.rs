//! Converts failures, and the adapter's errors about input of a client, to problems.

use super::{Problem, kinds};
use crate::adapter::{envelopes, tokens};
use crate::auth::TokenRejected;
use crate::{Failure, sql};

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(cause) => Self::unavailable(cause),
            Failure::Internal(cause) => Self::internal(cause),
        }
    }
}

/// For statements whose errors a service does not tell apart.
impl From<sql::Error> for Problem {
    fn from(error: sql::Error) -> Self {
        Failure::from(error).into()
    }
}

/// For an access token that a client sent.
impl From<tokens::Error> for Problem {
    fn from(error: tokens::Error) -> Self {
        match TokenRejected::of(&error) {
            Some(rejected) => rejected.into(),
            None => Failure::from(error).into(),
        }
    }
}

/// For an access token that a client sent.
impl From<TokenRejected> for Problem {
    fn from(rejected: TokenRejected) -> Self {
        match rejected {
            TokenRejected::Expired => Self::new(&kinds::UNAUTHENTICATED, "The access token has expired.")
                .with_challenge(
                    r#"Bearer realm="spindle", error="invalid_token", error_description="The access token has expired""#,
                ),
            TokenRejected::Ended => Self::of(&kinds::SESSION_ENDED).with_challenge(
                r#"Bearer realm="spindle", error="invalid_token", error_description="The session has ended""#,
            ),
            TokenRejected::Invalid => Self::invalid_token("The access token is not valid."),
        }
    }
}

/// For an envelope that a client sent. `sealing` handles a response that cannot be sealed.
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
    use crate::adapter::postgres;

    #[test]
    fn an_outage_is_503_and_a_mistake_of_ours_500() {
        let status = |error: postgres::Error| Problem::from(Failure::from(error)).status();
        assert_eq!(status(postgres::Error::Unavailable(String::new())), 503);
        assert_eq!(status(postgres::Error::Timeout), 503);
        assert_eq!(status(postgres::Error::Invalid(String::new())), 500);
        assert_eq!(status(postgres::Error::Denied(String::new())), 500);
    }

    #[test]
    fn a_rejected_token_is_401_and_a_rejected_envelope_400() {
        assert_eq!(Problem::from(tokens::Error::Expired).status(), 401);
        let ended = Problem::from(tokens::Error::Ended);
        assert_eq!((ended.status(), ended.kind().name), (401, "session-ended"));
        let unavailable = tokens::Error::Unavailable(String::new());
        assert_eq!(Problem::from(unavailable).status(), 503);
        assert_eq!(Problem::from(envelopes::Error::Invalid).status(), 400);
    }
}
