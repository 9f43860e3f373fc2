//! `spindle:adapter/tokens`.

use adapter_contract::tokens::{Claims, Error, Functions, Token};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn issue(&self, subject: String, session: Option<String>) -> Result<Token, Error> {
        Ok(self.0.token_issuer()?.issue(&subject, session.as_deref())?)
    }

    async fn issue_for(
        &self,
        subject: String,
        session: Option<String>,
        audiences: Vec<String>,
    ) -> Result<Token, Error> {
        let issuer = self.0.token_issuer()?;
        Ok(issuer.issue_for(&subject, session.as_deref(), audiences)?)
    }

    async fn end(&self, sessions: Vec<String>) -> Result<(), Error> {
        Ok(self.0.revoked_sessions()?.revoke(sessions).await?)
    }

    async fn verify(&self, token: String) -> Result<Claims, Error> {
        Ok(self.0.token_verifier()?.verify(&token)?)
    }

    async fn public_keys(&self) -> Result<String, Error> {
        Ok(self.0.token_verifier()?.public_keys())
    }
}
