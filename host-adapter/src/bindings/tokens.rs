//! `spindle:adapter/tokens`.

use super::{host_functions, wit::tokens as wit};
use crate::capabilities::{Capabilities, Denied, sessions, vault as native};

host_functions! {
    wit;
    fn issue(subject: String, session: Option<String>) -> Result<wit::Token, wit::Error>;
    fn end(sessions: Vec<String>) -> Result<(), wit::Error>;
    fn verify(token: String) -> Result<wit::Claims, wit::Error>;
    fn public_keys() -> Result<String, wit::Error>;
}

pub(crate) async fn issue(
    capabilities: &Capabilities,
    subject: String,
    session: Option<String>,
) -> Result<wit::Token, wit::Error> {
    let native::Token { token, expires_in } = capabilities
        .issuing()?
        .issue(&subject, session.as_deref())?;
    Ok(wit::Token { token, expires_in })
}

pub(crate) async fn end(
    capabilities: &Capabilities,
    sessions: Vec<String>,
) -> Result<(), wit::Error> {
    Ok(capabilities.ending()?.end(sessions).await?)
}

pub(crate) async fn verify(
    capabilities: &Capabilities,
    token: String,
) -> Result<wit::Claims, wit::Error> {
    let native::Claims {
        subject,
        id,
        session,
        expires_at,
    } = capabilities.verifying()?.verify(&token)?;
    Ok(wit::Claims {
        subject,
        id,
        session,
        expires_at,
    })
}

pub(crate) async fn public_keys(capabilities: &Capabilities) -> Result<String, wit::Error> {
    Ok(capabilities.verifying()?.public_keys())
}

impl From<Denied> for wit::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<native::TokenError> for wit::Error {
    fn from(error: native::TokenError) -> Self {
        match error {
            native::TokenError::Expired => Self::Expired,
            native::TokenError::Ended => Self::Ended,
            native::TokenError::Unknown => Self::Unavailable(error.to_string()),
            native::TokenError::Invalid
            | native::TokenError::Subject
            | native::TokenError::Session
            | native::TokenError::Signing => Self::Invalid,
        }
    }
}

impl From<sessions::Error> for wit::Error {
    fn from(error: sessions::Error) -> Self {
        match error {
            sessions::Error::Invalid(_) => Self::Invalid,
            sessions::Error::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}
