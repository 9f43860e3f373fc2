//! `spindle:adapter/envelopes`.

use super::{host_functions, wit::envelopes as wit};
use crate::capabilities::{Capabilities, Denied, vault as native};

host_functions! {
    wit;
    fn open(envelope: String, target: wit::Target) -> Result<wit::Opened, wit::Error>;
    fn seal(payload: String, audience: String, target: wit::Target, in_reply_to: Option<String>) -> Result<String, wit::Error>;
}

pub(crate) async fn open(
    capabilities: &Capabilities,
    envelope: String,
    target: wit::Target,
) -> Result<wit::Opened, wit::Error> {
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
    Ok(wit::Opened {
        payload,
        issuer,
        id,
    })
}

pub(crate) async fn seal(
    capabilities: &Capabilities,
    payload: String,
    audience: String,
    target: wit::Target,
    in_reply_to: Option<String>,
) -> Result<String, wit::Error> {
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

impl From<Denied> for wit::Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<native::EnvelopeError> for wit::Error {
    fn from(error: native::EnvelopeError) -> Self {
        match error {
            native::EnvelopeError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            _ => Self::Invalid,
        }
    }
}
