//! The success format: `{"success": true, "message": …, "data": …}`.

use std::marker::PhantomData;

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::openapi::{Describe, Operation, Properties, Property, Schema};
use crate::{Failure, Problem};

/// Verifiers may cache the keys for this long. A new key must be published this long before it
/// signs tokens.
const PUBLIC_KEYS_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

const JWK_SET: &str = "application/jwk-set+json";

/// A success to be answered, with 200 unless the type says otherwise.
#[derive(Debug, Serialize)]
pub struct Answer<T, const STATUS: u16 = 200> {
    success: bool,
    message: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
    #[serde(skip)]
    private: bool,
}

/// The answer 201.
pub type Created<T> = Answer<T, 201>;

/// An answer of the form `A` that is written once and sent often.
#[derive(Debug)]
pub struct Prepared<A> {
    status: StatusCode,
    text: Bytes,
    private: bool,
    answer: PhantomData<fn() -> A>,
}

/// One of two answers.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first.
    First(A),
    /// The second.
    Second(B),
}

impl<T: Serialize> Answer<T> {
    /// Answered with 200.
    #[must_use]
    pub fn ok(message: &'static str, data: T) -> Self {
        Self::new(message, data)
    }
}

impl<A: Serialize> Prepared<A> {
    pub(crate) fn write(status: StatusCode, answer: &A, private: bool) -> Result<Self, Failure> {
        let text = serde_json::to_vec(answer)
            .map_err(|error| Failure::internal(format!("writing an answer: {error}")))?;
        Ok(Self {
            status,
            text: text.into(),
            private,
            answer: PhantomData,
        })
    }
}

/// The clone has the same text in memory.
impl<A> Clone for Prepared<A> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            ..*self
        }
    }
}

impl<A> IntoResponse for Prepared<A> {
    fn into_response(self) -> Response {
        json_text(self.status, self.text, self.private)
    }
}

impl<A: Describe> Describe for Prepared<A> {
    fn describe(operation: &mut Operation) {
        A::describe(operation);
    }
}

impl<T: Serialize> Created<T> {
    /// Answered with 201.
    #[must_use]
    pub fn created(message: &'static str, data: T) -> Self {
        Self::new(message, data)
    }
}

impl<T: Serialize, const STATUS: u16> Answer<T, STATUS> {
    /// Writes the answer.
    ///
    /// # Errors
    /// The data cannot be written as JSON.
    pub fn prepare(&self) -> Result<Prepared<Self>, Failure> {
        let status = StatusCode::from_u16(STATUS).unwrap_or_default();
        Prepared::write(status, self, self.private)
    }

    fn new(message: &'static str, data: T) -> Self {
        Self {
            success: true,
            message,
            data,
            warnings: Vec::new(),
            private: false,
        }
    }

    /// With personal data: no cache may keep it.
    #[must_use]
    pub fn private(self) -> Self {
        Self {
            private: true,
            ..self
        }
    }

    /// What the client should know about an answer that is not complete, as sentences.
    #[must_use]
    pub fn with_warnings(self, warnings: Vec<&'static str>) -> Self {
        Self { warnings, ..self }
    }
}

impl<T: Serialize, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).unwrap_or_default();
        write_json(status, &self, self.private)
    }
}

impl<T: Schema, const STATUS: u16> Describe for Answer<T, STATUS> {
    fn describe(operation: &mut Operation) {
        let mut answer = Properties::default();
        answer.add(Property::new("success", json!({"const": true})));
        let message = Property::new("message", String::schema());
        answer.add(
            message
                .described("What was done, for people.")
                .example("Done"),
        );
        answer.add(Property::new("data", T::schema()));
        let warnings = Property::new("warnings", Vec::<String>::schema()).omitted();
        let why = "What is missing from an answer that is not complete.";
        answer.add(warnings.described(why));
        operation.answers_with(STATUS, "application/json", answer.into_schema());
    }
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::First(answer) => answer.into_response(),
            Self::Second(answer) => answer.into_response(),
        }
    }
}

impl<A: Describe, B: Describe> Describe for Either<A, B> {
    fn describe(operation: &mut Operation) {
        A::describe(operation);
        B::describe(operation);
    }
}

/// A JSON answer without the success format, for where a standard fixes the body's shape. It has
/// personal data: no cache may keep it.
#[derive(Debug)]
pub struct PrivateJson<T>(pub T);

impl<T: Serialize> IntoResponse for PrivateJson<T> {
    fn into_response(self) -> Response {
        write_json(StatusCode::OK, &self.0, true)
    }
}

impl<T: Schema> Describe for PrivateJson<T> {
    fn describe(operation: &mut Operation) {
        operation.answers_with(200, "application/json", T::schema());
    }
}

/// A response with this body as JSON.
pub(crate) fn write_json(status: StatusCode, body: &impl Serialize, private: bool) -> Response {
    match serde_json::to_vec(body) {
        Ok(text) => json_text(status, text.into(), private),
        Err(error) => Problem::internal(format!("writing an answer: {error}")).into_response(),
    }
}

/// A response with this text, which is JSON.
fn json_text(status: StatusCode, text: Bytes, private: bool) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if private {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A JWK Set (RFC 7517) that is JSON text already.
#[derive(Debug)]
pub struct PublicKeys(pub String);

impl IntoResponse for PublicKeys {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(JWK_SET)),
            (CACHE_CONTROL, PUBLIC_KEYS_CACHING),
        ];
        (headers, self.0).into_response()
    }
}

impl Describe for PublicKeys {
    fn describe(operation: &mut Operation) {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "…", "x": "…"});
        let keys: Value = json!({
            "type": "object", "required": ["keys"],
            "properties": {"keys": {"type": "array", "items": {"type": "object"}, "examples": [[key]]}},
        });
        operation.answers_with(200, JWK_SET, keys);
    }
}

/// JSON text that a service has in it.
#[derive(Debug, Clone, Copy)]
pub struct JsonText(pub &'static str);

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, json)], self.0).into_response()
    }
}

impl Describe for JsonText {
    fn describe(operation: &mut Operation) {
        operation.answers_with(200, "application/json", json!({"type": "object"}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_the_success_format() {
        let answer = Answer::ok("User count", json!({"total_users": 1}));
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"success": true, "message": "User count", "data": {"total_users": 1}})
        );
    }

    #[test]
    fn private_answers_are_not_to_be_kept() {
        let response = Answer::created("Done", ()).private().into_response();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
