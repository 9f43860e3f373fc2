//! Plain questions to other services.

use crate::adapter::dispatch::{self, Error, Request, Response};
use crate::exchange;

/// `GET` a public route of a peer, as part of the request that is being answered.
///
/// # Errors
/// As `dispatch.call`; `timeout` when `deadline_milliseconds` have passed.
pub async fn get(peer: &str, path: &str, deadline_milliseconds: u32) -> Result<Response, Error> {
    dispatch::call(Request {
        peer: peer.to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        body: None,
        sealed: false,
        idempotency_key: None,
        request_id: request_id(),
        deadline_milliseconds: Some(deadline_milliseconds),
    })
    .await
}

/// The id of the request that is being answered, so that both services log the same one.
fn request_id() -> Option<String> {
    let exchange = exchange::current()?;
    exchange.request_id.to_str().map(str::to_owned).ok()
}
