//! `spindle:adapter/passwords`, `tokens` and `envelopes`.

use std::sync::Arc;

use secrecy::SecretString;
use wasmtime::component::Accessor;

use super::{
    Adapter, capabilities,
    wit::{envelopes, passwords, tokens},
};
use crate::capabilities::{Capabilities, Denied, vault as native};

impl passwords::Host for &Arc<Capabilities> {}
impl tokens::Host for &Arc<Capabilities> {}
impl envelopes::Host for &Arc<Capabilities> {}

impl<T: Send> passwords::HostWithStore<T> for Adapter {
    async fn hash(
        accessor: &Accessor<T, Self>,
        password: String,
    ) -> Result<String, passwords::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities
            .passwords()?
            .hash(SecretString::from(password))
            .await?)
    }

    async fn verify(
        accessor: &Accessor<T, Self>,
        password: String,
        hash: Option<String>,
    ) -> Result<passwords::Verdict, passwords::Error> {
        let capabilities = capabilities(accessor);
        let verdict = capabilities
            .passwords()?
            .verify(SecretString::from(password), hash)
            .await?;
        Ok(match verdict {
            native::Verdict::Mismatch => passwords::Verdict::Mismatch,
            native::Verdict::Match => passwords::Verdict::Match,
            native::Verdict::Outdated => passwords::Verdict::Outdated,
        })
    }
}

impl<T: Send> tokens::HostWithStore<T> for Adapter {
    async fn issue(
        accessor: &Accessor<T, Self>,
        subject: String,
    ) -> Result<tokens::Token, tokens::Error> {
        let capabilities = capabilities(accessor);
        let native::Token { token, expires_in } = capabilities.issuing()?.issue(&subject)?;
        Ok(tokens::Token { token, expires_in })
    }

    async fn verify(
        accessor: &Accessor<T, Self>,
        token: String,
    ) -> Result<tokens::Claims, tokens::Error> {
        let capabilities = capabilities(accessor);
        let native::Claims {
            subject,
            id,
            expires_at,
        } = capabilities.verifying()?.verify(&token)?;
        Ok(tokens::Claims {
            subject,
            id,
            expires_at,
        })
    }

    async fn public_keys(accessor: &Accessor<T, Self>) -> Result<String, tokens::Error> {
        let capabilities = capabilities(accessor);
        Ok(capabilities.verifying()?.public_keys())
    }
}

impl<T: Send> envelopes::HostWithStore<T> for Adapter {
    async fn open(
        accessor: &Accessor<T, Self>,
        envelope: String,
        target: envelopes::Target,
    ) -> Result<envelopes::Opened, envelopes::Error> {
        let capabilities = capabilities(accessor);
        let granted = capabilities.envelopes()?;
        let opening = native::Opening {
            audience: capabilities.component(),
            issuers: &granted.correspondents,
            method: &target.method,
            path: &target.path,
            purpose: native::Purpose::Request,
        };
        let native::Opened {
            payload,
            issuer,
            id,
        } = granted.envelopes.open(&envelope, opening)?;
        Ok(envelopes::Opened {
            payload,
            issuer,
            id,
        })
    }

    async fn seal(
        accessor: &Accessor<T, Self>,
        payload: String,
        audience: String,
        target: envelopes::Target,
        in_reply_to: Option<String>,
    ) -> Result<String, envelopes::Error> {
        let capabilities = capabilities(accessor);
        let granted = capabilities.envelopes_to(&audience)?;
        let sealing = native::Sealing {
            issuer: capabilities.component(),
            audience: &audience,
            method: &target.method,
            path: &target.path,
            purpose: native::Purpose::Response {
                in_reply_to: in_reply_to.as_deref(),
            },
        };
        Ok(granted.envelopes.seal(&payload, sealing)?.envelope)
    }
}

impl From<Denied> for passwords::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<Denied> for tokens::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<Denied> for envelopes::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<native::PasswordError> for passwords::Error {
    fn from(error: native::PasswordError) -> Self {
        match error {
            native::PasswordError::Unavailable => Self::Unavailable(error.to_string()),
            native::PasswordError::Invalid(reason) => Self::Invalid(reason.to_owned()),
        }
    }
}

impl From<native::TokenError> for tokens::Error {
    fn from(error: native::TokenError) -> Self {
        match error {
            native::TokenError::Expired => Self::Expired,
            native::TokenError::Invalid
            | native::TokenError::Subject
            | native::TokenError::Signing => Self::Invalid,
        }
    }
}

impl From<native::EnvelopeError> for envelopes::Error {
    fn from(error: native::EnvelopeError) -> Self {
        match error {
            native::EnvelopeError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            _ => Self::Invalid,
        }
    }
}
