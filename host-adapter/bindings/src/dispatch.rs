//! `spindle:adapter/dispatch`.

use adapter_contract::dispatch::{Error, Functions, Request, Response};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn call(&self, request: Request) -> Result<Response, Error> {
        Ok(self.0.dispatch().call(request).await?)
    }
}
