//! `spindle:adapter/dispatch`.

use std::{sync::Arc, time::Duration};

use wasmtime::component::Accessor;

use super::{Adapter, capabilities, wit::dispatch as wit};
use crate::capabilities::{Capabilities, dispatch as native};

impl wit::Host for &Arc<Capabilities> {}

impl<T: Send> wit::HostWithStore<T> for Adapter {
    async fn call(
        accessor: &Accessor<T, Self>,
        request: wit::Request,
    ) -> Result<wit::Response, wit::Error> {
        let capabilities = capabilities(accessor);
        let native::Response { status, body } =
            capabilities.dispatch().call(request.into()).await?;
        Ok(wit::Response { status, body })
    }
}

impl From<wit::Request> for native::Request {
    fn from(request: wit::Request) -> Self {
        Self {
            peer: request.peer,
            method: request.method,
            path: request.path,
            body: request.body,
            sealed: request.sealed,
            idempotency_key: request.idempotency_key,
            request_id: request.request_id,
            deadline: request
                .deadline_milliseconds
                .map(|millis| Duration::from_millis(millis.into())),
        }
    }
}

impl From<native::Error> for wit::Error {
    fn from(error: native::Error) -> Self {
        match error {
            native::Error::Denied(reason) => Self::Denied(reason),
            native::Error::Unavailable(reason) => Self::Unavailable(reason),
            native::Error::Timeout => Self::Timeout,
            native::Error::Invalid(reason) => Self::Invalid(reason),
            native::Error::Untrusted => Self::Untrusted,
            native::Error::TooLarge(reason) => Self::TooLarge(reason),
        }
    }
}
