//! `spindle:adapter/passwords`.

use adapter_contract::passwords::{Error, Functions, Verdict};
use secrecy::SecretString;

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn admit(&self, client: Option<String>) -> Result<(), Error> {
        Ok(self.0.passwords()?.admit(client.as_deref())?)
    }

    async fn is_common(&self, password: String) -> Result<bool, Error> {
        let password = SecretString::from(password);
        Ok(self.0.passwords()?.is_common(&password)?)
    }

    async fn hash(&self, password: String, client: Option<String>) -> Result<String, Error> {
        let password = SecretString::from(password);
        let passwords = self.0.passwords()?;
        Ok(passwords.hash(password, client.as_deref()).await?)
    }

    async fn verify(
        &self,
        password: String,
        hash: Option<String>,
        client: Option<String>,
    ) -> Result<Verdict, Error> {
        let password = SecretString::from(password);
        let passwords = self.0.passwords()?;
        let verdict = passwords.verify(password, hash, client.as_deref()).await?;
        Ok(verdict)
    }
}
