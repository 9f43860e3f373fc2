//! The public keys for access tokens, from the user service.
//!
//! Clients look for them at `/.well-known/jwks.json`. Spin cannot route this path to the user service,
//! because it contains a dot.

use service_kit::adapter::dispatch::{Error, Response};
use service_kit::peers;
use service_kit::{Failure, Result};

const DEADLINE_MILLISECONDS: u32 = 2000;

/// Returns the user service's JWK Set as JSON text.
pub(crate) async fn fetch_public_keys() -> Result<String, Failure> {
    read(peers::get("user", "/api/v1/users/jwks.json", DEADLINE_MILLISECONDS).await)
}

fn read(answer: Result<Response, Error>) -> Result<String, Failure> {
    match answer {
        Ok(Response { status: 200, body }) => Ok(body),
        Ok(Response { status, .. }) => Err(Failure::unavailable(format!(
            "the user service answered {status} instead of its public keys"
        ))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_passed_on_and_failures_are_unavailable() {
        let of = |status| {
            let body = "{}".to_owned();
            read(Ok(Response { status, body }))
        };
        assert_eq!(of(200).unwrap(), "{}");
        for failed in [of(404), read(Err(Error::Timeout))] {
            assert!(matches!(failed, Err(Failure::Unavailable(_))), "{failed:?}");
        }
    }
}
