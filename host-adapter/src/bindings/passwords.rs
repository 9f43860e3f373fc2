//! `spindle:adapter/passwords`.

use secrecy::SecretString;

use super::{host_functions, wit::passwords as wit};
use crate::capabilities::{Capabilities, Denied, vault as native};

host_functions! {
    wit;
    fn hash(password: String) -> Result<String, wit::Error>;
    fn verify(password: String, hash: Option<String>) -> Result<wit::Verdict, wit::Error>;
}

pub(crate) async fn hash(
    capabilities: &Capabilities,
    password: String,
) -> Result<String, wit::Error> {
    Ok(capabilities
        .passwords()?
        .hash(SecretString::from(password))
        .await?)
}

pub(crate) async fn verify(
    capabilities: &Capabilities,
    password: String,
    hash: Option<String>,
) -> Result<wit::Verdict, wit::Error> {
    let verdict = capabilities
        .passwords()?
        .verify(SecretString::from(password), hash)
        .await?;
    Ok(match verdict {
        native::Verdict::Mismatch => wit::Verdict::Mismatch,
        native::Verdict::Match => wit::Verdict::Match,
        native::Verdict::Outdated => wit::Verdict::Outdated,
    })
}

impl From<Denied> for wit::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<native::PasswordError> for wit::Error {
    fn from(error: native::PasswordError) -> Self {
        match error {
            native::PasswordError::Unavailable => Self::Unavailable(error.to_string()),
            native::PasswordError::Invalid(reason) => Self::Invalid(reason.to_owned()),
        }
    }
}
