//! `spindle:adapter/passwords`.

use adapter_contract::passwords::{Error, Functions, Verdict};
use secrecy::SecretString;

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn hash(&self, password: String) -> Result<String, Error> {
        Ok(self
            .0
            .passwords()?
            .hash(SecretString::from(password))
            .await?)
    }

    async fn verify(&self, password: String, hash: Option<String>) -> Result<Verdict, Error> {
        let password = SecretString::from(password);
        Ok(self.0.passwords()?.verify(password, hash).await?)
    }
}
