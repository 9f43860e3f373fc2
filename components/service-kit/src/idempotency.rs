//! The header `Idempotency-Key`: a client that got no answer repeats its request with the same key, and the
//! request takes effect once (draft-ietf-httpapi-idempotency-key-header).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use serde_json::json;

use crate::headers::IDEMPOTENCY_KEY;
use crate::openapi::{Describe, Operation};
use crate::problem::{Problem, kinds};
use crate::settings;

/// Longest key in bytes, as in `wit/dispatch.wit`.
const MAX_LENGTH: usize = 200;

/// The same as [`IdempotencyKey::text`] accepts, for the API reference: visible ASCII but `"` and `\\`, with
/// quotes around it or without.
pub(crate) const PATTERN: &str = r#"^([!#-\[\]-~]{1,200}|"[!#-\[\]-~]{1,200}")$"#;

/// How long an answer is kept, in hours, unless the variable `idempotency_key_hours` says otherwise. A client
/// that was cut off for a day has its user try again.
const DEFAULT_HOURS: u32 = 24;

/// A year. A longer time would never end.
const MAX_HOURS: u32 = 366 * 24;

/// Extractor: the key of the request, if it has one.
#[derive(Debug)]
pub struct IdempotencyKey(Option<HeaderValue>);

impl IdempotencyKey {
    /// Whether the request has no key.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the key. The draft defines it as a string in quotes (RFC 8941); without quotes is accepted, too.
    ///
    /// # Errors
    /// 400 if it does not have 1 to 200 visible ASCII characters.
    pub fn text(&self) -> Result<Option<&str>, Problem> {
        let Some(value) = &self.0 else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default();
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let key = inner.unwrap_or(text);
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=MAX_LENGTH).contains(&key.len()) && key.bytes().all(visible) {
            Ok(Some(key))
        } else {
            Err(Problem::of(&kinds::IDEMPOTENCY_KEY_INVALID))
        }
    }
}

/// How long the answer to a request with a key is kept.
pub async fn lifetime() -> Duration {
    let hours = settings::number("idempotency_key_hours").await;
    let hours = hours.filter(|hours| (1..=MAX_HOURS).contains(hours));
    Duration::from_secs(u64::from(hours.unwrap_or(DEFAULT_HOURS)) * 60 * 60)
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(IDEMPOTENCY_KEY).cloned()))
    }
}

impl Describe for IdempotencyKey {
    fn describe(operation: &mut Operation) {
        operation.parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A key that the client makes up, such as a UUID. The same request with the same key takes effect once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH + 2, "pattern": PATTERN},
        }));
        operation.fails_with(&kinds::IDEMPOTENCY_KEY_INVALID);
        operation.fails_with(&kinds::IDEMPOTENCY_KEY_REUSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<String>, u16> {
        let key = IdempotencyKey(Some(HeaderValue::from_str(text).unwrap()));
        let read = key.text().map(|key| key.map(str::to_owned));
        read.map_err(|problem| problem.status())
    }

    #[test]
    fn a_key_may_be_in_quotes() {
        assert_eq!(read("\"a-1\""), Ok(Some("a-1".to_owned())));
        assert_eq!(read("a-1"), Ok(Some("a-1".to_owned())));
        assert!(matches!(IdempotencyKey(None).text(), Ok(None)));
    }

    #[test]
    fn other_keys_are_rejected() {
        for text in ["", "\"\"", "a b", "\"a", "a\\b", "\"a\"b\"", "é"] {
            assert_eq!(read(text), Err(400), "{text}");
        }
        assert!(read(&"x".repeat(MAX_LENGTH)).is_ok());
        assert_eq!(read(&"x".repeat(MAX_LENGTH + 1)), Err(400));
    }
}
