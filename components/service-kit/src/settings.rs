//! Variables of the application manifest that all services understand.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use spin_sdk::variables::{self, Error};

use crate::openapi::{Describe, Operation};

/// Settings of an instance.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `production`: whether *required* routes reject plain bodies. Only the value `false` turns this
    /// off, so that a missing or misspelt value is safe.
    pub(crate) production: bool,
    /// `cors_origins`: origins separated by commas, `*` for any, empty for none.
    pub(crate) cors_origins: String,
}

/// Extractor: whether the service is in production, as the variable `production` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Production(pub bool);

impl<S: Sync> FromRequestParts<S> for Production {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(true)))
    }
}

/// It is not something that a client sends.
impl Describe for Production {
    fn describe(_: &mut Operation) {}
}

impl Settings {
    pub(crate) async fn read() -> Self {
        Self {
            production: is_production(&read("production").await),
            cors_origins: read("cors_origins").await,
        }
    }
}

/// Reads `log_level`: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`. It is read first, so that the
/// logger can report a variable that cannot be read.
pub(crate) async fn log_level() -> String {
    read("log_level").await
}

/// Reads a variable that is a number. `None` stands for the default.
pub(crate) async fn number(name: &str) -> Option<u32> {
    read(name).await.trim().parse().ok()
}

/// Returns to the host's scheduler after variables were read.
///
/// Spin reads a variable inside `tokio::task::block_in_place`, and the thread gives up its scheduler core there. Until
/// the instance waits, another thread takes up at once what this one wakes. So the connection sends the head of an
/// answer before the body is written, and without `TCP_NODELAY` the body then waits 40 ms for the client's
/// acknowledgement of the head.
///
/// It yields twice, because Spin polls an instance again at once when it waits for the first time in a request.
#[cfg(target_family = "wasm")]
pub(crate) async fn pause_after_reading() {
    use spin_sdk::wit_bindgen::rt::async_support::yield_async;
    yield_async().await;
    yield_async().await;
}

/// Unit tests run natively, without a host.
#[cfg(not(target_family = "wasm"))]
pub(crate) async fn pause_after_reading() {}

fn is_production(value: &str) -> bool {
    !value.trim().eq_ignore_ascii_case("false")
}

/// Returns a variable's value. It is empty, which stands for the default, if the manifest does not
/// define the variable or it cannot be read.
async fn read(name: &str) -> String {
    match variables::get(name).await {
        Ok(value) => value,
        Err(Error::Undefined(_)) => String::new(),
        Err(error) => {
            tracing::error!(variable = name, %error, "could not read a variable; using its default");
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_false_turns_production_off() {
        assert!(!is_production("false"));
        assert!(!is_production(" False "));
        for value in ["", "true", "0", "no", "fasle"] {
            assert!(is_production(value), "{value}");
        }
    }
}
