//! `spindle:adapter/envelopes`.

use adapter_capabilities::vault::{ExpectedClaims, Purpose, SealRequest};
use adapter_contract::envelopes::{Error, Functions, Opened, Target};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn open(&self, envelope: String, target: Target) -> Result<Opened, Error> {
        let granted = self.0.envelopes()?;
        let expected = ExpectedClaims {
            audience: self.0.component(),
            issuers: &granted.allowed_peers,
            method: &target.method,
            path: &target.path,
            purpose: Purpose::Request,
        };
        Ok(granted.envelopes.open_request(&envelope, expected).await?)
    }

    async fn seal(
        &self,
        payload: String,
        audience: String,
        target: Target,
        in_reply_to: Option<String>,
    ) -> Result<String, Error> {
        let granted = self.0.envelopes_to(&audience)?;
        let request = SealRequest {
            issuer: self.0.component(),
            audience: &audience,
            method: &target.method,
            path: &target.path,
            purpose: Purpose::Response {
                in_reply_to: in_reply_to.as_deref(),
            },
        };
        Ok(granted.envelopes.seal(&payload, request)?.envelope)
    }
}
