//! `spindle:adapter/tokens`.

use adapter_contract::tokens::{Claims, Error, Functions, Token};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn issue(&self, subject: String, session: Option<String>) -> Result<Token, Error> {
        Ok(self.0.issuing()?.issue(&subject, session.as_deref())?)
    }

    async fn end(&self, sessions: Vec<String>) -> Result<(), Error> {
        Ok(self.0.ending()?.end(sessions).await?)
    }

    async fn verify(&self, token: String) -> Result<Claims, Error> {
        Ok(self.0.verifying()?.verify(&token)?)
    }

    async fn public_keys(&self) -> Result<String, Error> {
        Ok(self.0.verifying()?.public_keys())
    }
}
