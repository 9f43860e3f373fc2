//! `spindle:adapter/tokens`.

use super::{host_functions, wit::tokens as wit};
use crate::capabilities::{Capabilities, Denied, vault as native};

host_functions! {
    wit;
    fn issue(subject: String) -> Result<wit::Token, wit::Error>;
    fn verify(token: String) -> Result<wit::Claims, wit::Error>;
    fn public_keys() -> Result<String, wit::Error>;
}

pub(crate) async fn issue(
    capabilities: &Capabilities,
    subject: String,
) -> Result<wit::Token, wit::Error> {
    let native::Token { token, expires_in } = capabilities.issuing()?.issue(&subject)?;
    Ok(wit::Token { token, expires_in })
}

pub(crate) async fn verify(
    capabilities: &Capabilities,
    token: String,
) -> Result<wit::Claims, wit::Error> {
    let native::Claims {
        subject,
        id,
        expires_at,
    } = capabilities.verifying()?.verify(&token)?;
    Ok(wit::Claims {
        subject,
        id,
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
            native::TokenError::Invalid
            | native::TokenError::Subject
            | native::TokenError::Signing => Self::Invalid,
        }
    }
}
