//! `spindle:adapter/dispatch`.

use std::time::Duration;

use super::{host_functions, wit::dispatch as wit};
use crate::capabilities::{Capabilities, dispatch as native};

host_functions! {
    wit;
    fn call(request: wit::Request) -> Result<wit::Response, wit::Error>;
}

pub(crate) async fn call(
    capabilities: &Capabilities,
    request: wit::Request,
) -> Result<wit::Response, wit::Error> {
    let native::Response { status, body } = capabilities.dispatch().call(request.into()).await?;
    Ok(wit::Response { status, body })
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
