//! How pages are answered.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use service_kit::Answer;
use service_kit::openapi::{Describe, Operation, Schema};

/// No script, no frame, no form, and no source but the style sheet. `data:` is for the empty icon, which
/// keeps browsers from asking for `/favicon.ico`.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("style.css");

/// The style sheet's path has a part that changes with its text, so that it may be kept for long.
pub(crate) const STYLE_PATH: &str = "/docs/{name}";

const HTML: &str = "text/html; charset=utf-8";

/// An HTML page.
#[derive(Debug, Clone)]
pub(crate) struct Page(pub(crate) Bytes);

#[cfg(test)]
impl Page {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap()
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers: [(HeaderName, HeaderValue); 4] = [
            (CONTENT_TYPE, HeaderValue::from_static(HTML)),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (VARY, HeaderValue::from_static("Accept")),
        ];
        (headers, self.0).into_response()
    }
}

impl Describe for Page {
    fn describe(operation: &mut Operation) {
        operation.answers_with(200, "text/html", json!({"type": "string"}));
    }
}

/// An OpenAPI document, as JSON text.
#[derive(Debug, Clone)]
pub(crate) struct OpenApi(Bytes);

impl OpenApi {
    pub(crate) fn new(document: &Value) -> Self {
        Self(document.to_string().into())
    }
}

impl IntoResponse for OpenApi {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (headers, self.0).into_response()
    }
}

impl Describe for OpenApi {
    fn describe(operation: &mut Operation) {
        let example = json!({"openapi": "3.1.0", "info": {"title": "Spindle", "version": "0.1.0"}, "paths": {}});
        let document = json!({
            "type": "object", "required": ["openapi", "info", "paths"], "examples": [example],
        });
        operation.answers_with(200, "application/json", document);
    }
}

/// Data for programs, or a page about it for people.
#[derive(Debug)]
pub(crate) enum JsonOrPage<T> {
    Json(Answer<T>),
    Page(Page),
}

impl<T: serde::Serialize> IntoResponse for JsonOrPage<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Json(answer) => {
                ([(VARY, HeaderValue::from_static("Accept"))], answer).into_response()
            }
            Self::Page(page) => page.into_response(),
        }
    }
}

impl<T: Schema> Describe for JsonOrPage<T> {
    fn describe(operation: &mut Operation) {
        Answer::<T>::describe(operation);
        Page::describe(operation);
    }
}

/// Extractor: whether the client asks for JSON. Browsers ask for HTML, and get it.
#[derive(Debug)]
pub(crate) struct WantsJson(pub(crate) bool);

impl<S: Sync> FromRequestParts<S> for WantsJson {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accept = parts
            .headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok());
        Ok(Self(accept.is_some_and(wants_json)))
    }
}

impl Describe for WantsJson {
    fn describe(_: &mut Operation) {}
}

/// The first type that is one of the two decides.
fn wants_json(accept: &str) -> bool {
    let types = accept
        .split(',')
        .map(|item| item.split(';').next().unwrap_or(item).trim());
    let mut known = types.filter_map(|media_type| match media_type {
        "application/json" | "application/problem+json" | "application/*" => Some(true),
        "text/html" | "text/*" | "*/*" => Some(false),
        _ => None,
    });
    known.next().unwrap_or(false)
}

/// The style sheet.
#[derive(Debug)]
pub(crate) struct Style;

impl Style {
    /// The style sheet's own part of its path.
    pub(crate) fn name() -> String {
        format!("style-{:016x}", hash(STYLE.as_bytes()))
    }
}

impl IntoResponse for Style {
    fn into_response(self) -> Response {
        let cached = HeaderValue::from_static("public, max-age=31536000, immutable");
        let css = HeaderValue::from_static("text/css; charset=utf-8");
        ([(CONTENT_TYPE, css), (CACHE_CONTROL, cached)], STYLE).into_response()
    }
}

impl Describe for Style {
    fn describe(_: &mut Operation) {}
}

/// FNV-1a: enough to tell one version of a file from the one before.
const fn hash(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_a_page_and_programs_json() {
        assert!(!wants_json(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!wants_json("*/*"));
        assert!(!wants_json(""));
        assert!(wants_json("application/json"));
        assert!(wants_json(
            "application/problem+json, application/json;q=0.9"
        ));
    }
}
