//! Statements for the subject of an access token.
//!
//! ```ignore
//! let profile = sql("select username, email from users where id = $1").for_subject(token);
//! let (claims, profile) = profile.fetch_optional::<Profile>().await?;
//! ```

use super::{Error, FromRow, Sql, read_rows};
use crate::Failure;
use crate::adapter::subject_queries;
use crate::adapter::tokens::Claims;
use crate::auth::{TokenRejected, UncheckedToken};

/// A statement that runs if a token is valid; see [`Sql::for_subject`].
#[derive(Debug)]
#[must_use = "a statement does nothing until it is fetched"]
pub struct ForSubject {
    sql: Sql,
    token: UncheckedToken,
}

/// Why a statement for the subject of a token has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectError {
    /// The token was not accepted, and the statement was not run.
    Token(TokenRejected),
    /// The statement failed, or the token could not be checked.
    Sql(Error),
}

impl Sql {
    /// Checks a token and runs the statement, in one call to the adapter. `$1` is the token's subject as a `uuid`. The
    /// values that are bound are `$2` and the following ones.
    pub fn for_subject(self, token: UncheckedToken) -> ForSubject {
        ForSubject { sql: self, token }
    }
}

impl ForSubject {
    /// Fetches the first row, if there is one, and the claims of the token.
    ///
    /// # Errors
    /// If the token is not accepted, or like [`Sql::fetch_all`].
    pub async fn fetch_optional<T: FromRow>(self) -> Result<(Claims, Option<T>), SubjectError> {
        let text = self.sql.text.into_owned();
        let found = subject_queries::fetch(self.token.0, text, self.sql.params?).await?;
        let rows = read_rows(found.rows)?;
        Ok((found.claims, rows.into_iter().next()))
    }
}

impl From<subject_queries::Error> for SubjectError {
    fn from(error: subject_queries::Error) -> Self {
        use subject_queries::Error;
        match error {
            Error::Token(error) => match TokenRejected::of(&error) {
                Some(rejected) => Self::Token(rejected),
                None => Failure::from(error).into(),
            },
            Error::Statement(error) => Self::Sql(error.into()),
            Error::Unavailable(reason) => {
                Failure::unavailable(format!("subject-queries: {reason}")).into()
            }
        }
    }
}

impl From<Failure> for SubjectError {
    fn from(failure: Failure) -> Self {
        Self::Sql(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{postgres, tokens};

    #[test]
    fn a_rejected_token_is_told_apart_from_a_failure() {
        let error = |error: subject_queries::Error| SubjectError::from(error);
        let token = |error: tokens::Error| SubjectError::from(subject_queries::Error::Token(error));
        let rejected = SubjectError::Token(TokenRejected::Ended);
        assert_eq!(token(tokens::Error::Ended), rejected);
        for failed in [
            token(tokens::Error::Denied(String::new())),
            token(tokens::Error::Unavailable(String::new())),
            error(subject_queries::Error::Statement(postgres::Error::Timeout)),
            error(subject_queries::Error::Unavailable(String::new())),
        ] {
            assert!(
                matches!(failed, SubjectError::Sql(Error::Failure(_))),
                "{failed:?}"
            );
        }
    }
}
