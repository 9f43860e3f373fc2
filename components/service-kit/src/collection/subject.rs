//! Documents of the subject of an access token.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Collection, to_json};
use crate::Failure;
use crate::adapter::documents::InsertOutcome;
use crate::adapter::subject_documents;
use crate::auth::{SubjectError, UncheckedToken};

/// Returns the value of the field that gets the subject of the token; see [`Collection::insert_for_subject`].
#[must_use]
pub fn subject() -> Value {
    json!({"$subject": true})
}

impl<T> Collection<T> {
    /// Checks a token and stores a document like [`Collection::insert`], in one call to the adapter.
    ///
    /// # Errors
    /// If the token is not accepted, or the document cannot be written or stored.
    pub async fn insert_for_subject(
        &self,
        token: UncheckedToken,
        document: &impl Serialize,
    ) -> Result<bool, SubjectError<Failure>> {
        let (name, documents) = (self.name.to_owned(), vec![to_json(document)?]);
        let outcomes = subject_documents::insert(token.0, name, documents).await?;
        Ok(outcomes.first() == Some(&InsertOutcome::Inserted))
    }
}

impl From<subject_documents::Error> for SubjectError<Failure> {
    fn from(error: subject_documents::Error) -> Self {
        use subject_documents::Error;
        match error {
            Error::Token(error) => Self::of_token(error),
            Error::Document(error) => Self::Call(error.into()),
            Error::Unavailable(reason) => {
                Failure::unavailable(format!("subject-documents: {reason}")).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::documents;

    #[test]
    fn an_outage_is_a_failure_of_the_insert() {
        for error in [
            subject_documents::Error::Document(documents::Error::Timeout),
            subject_documents::Error::Unavailable(String::new()),
        ] {
            let failed = SubjectError::from(error);
            assert!(
                matches!(failed, SubjectError::Call(Failure::Unavailable(_))),
                "{failed:?}"
            );
        }
    }
}
