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
use crate::auth::{SubjectError, UncheckedToken};

/// A statement that runs if a token is valid; see [`Sql::for_subject`].
#[derive(Debug)]
#[must_use = "a statement does nothing until it is fetched"]
pub struct ForSubject {
    sql: Sql,
    token: UncheckedToken,
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
    pub async fn fetch_optional<T: FromRow>(
        self,
    ) -> Result<(Claims, Option<T>), SubjectError<Error>> {
        let text = self.sql.text.into_owned();
        let found = subject_queries::fetch(self.token.0, text, self.sql.params?).await?;
        let rows = read_rows(found.rows)?;
        Ok((found.claims, rows.into_iter().next()))
    }
}

impl From<subject_queries::Error> for SubjectError<Error> {
    fn from(error: subject_queries::Error) -> Self {
        use subject_queries::Error;
        match error {
            Error::Token(error) => Self::of_token(error),
            Error::Statement(error) => Self::Call(error.into()),
            Error::Unavailable(reason) => {
                Failure::unavailable(format!("subject-queries: {reason}")).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::postgres;

    #[test]
    fn an_outage_is_a_failure_of_the_statement() {
        for error in [
            subject_queries::Error::Statement(postgres::Error::Timeout),
            subject_queries::Error::Unavailable(String::new()),
        ] {
            let failed = SubjectError::from(error);
            assert!(
                matches!(failed, SubjectError::Call(Error::Failure(_))),
                "{failed:?}"
            );
        }
    }
}
