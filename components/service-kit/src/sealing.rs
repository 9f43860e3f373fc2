//! Opens the envelopes of requests, and seals their answers.
//!
//! The form of the body decides whether a request is sealed, not its headers: a proxy may drop a
//! header, and a body that cannot be read must never be treated as a plain one. Once an envelope is
//! open, every answer is sealed for its issuer, even if it is an error.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::adapter::envelopes;
use crate::body::{self, Document};
use crate::headers::{X_ENCRYPT_RESPONSE, X_SERVICE_COMMUNICATION};
use crate::problem::{Problem, kinds};

/// The name of any caller that is not one of our services.
pub(crate) const CLIENT: &str = "client";

const ENCRYPTED_DATA: &str = "encrypted_data";

/// Whether a route accepts bodies that are not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Accepted,
    Rejected,
}

/// The issuer of the request's envelope, for [`crate::Caller`]. The envelope's key proves it.
#[derive(Debug, Clone)]
pub(crate) struct SealedBy(pub(crate) String);

/// Serves a request of a route whose bodies may be sealed.
pub(crate) async fn guard(plain: Plain, mut request: Request, next: Next) -> Response {
    let mut reply = Reply::to(&request);
    let response = match receive(plain, &mut request, &mut reply).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    reply.sealed(response).await
}

/// Stores the request's plain document, and the issuer of its envelope, in the request's extensions.
async fn receive(plain: Plain, request: &mut Request, reply: &mut Reply) -> Result<(), Problem> {
    let Some(document) = body::read_document(request).await? else {
        return Ok(());
    };
    let document = match envelope(&document, request.headers(), plain)? {
        Some(envelope) => {
            let opened = envelopes::open(envelope, reply.target()).await?;
            let extensions = request.extensions_mut();
            extensions.insert(SealedBy(opened.issuer.clone()));
            reply.audience = Some(opened.issuer);
            reply.in_reply_to = Some(opened.id);
            body::parse(opened.payload.as_bytes())?
        }
        None => document,
    };
    request.extensions_mut().insert(Document(document));
    Ok(())
}

/// Returns the envelope in a document, or `None` if the document is plain and that is accepted.
fn envelope(
    document: &Value,
    headers: &HeaderMap,
    plain: Plain,
) -> Result<Option<String>, Problem> {
    let announced = is(headers, &X_SERVICE_COMMUNICATION, "encrypted");
    match document.get(ENCRYPTED_DATA) {
        Some(Value::String(envelope)) => Ok(Some(envelope.clone())),
        Some(_) => Err(Problem::of(&kinds::ENVELOPE_INVALID)),
        None if announced => Err(Problem::of(&kinds::ENVELOPE_INVALID)),
        None if plain == Plain::Rejected => Err(Problem::of(&kinds::ENCRYPTION_REQUIRED)),
        None => Ok(None),
    }
}

/// How to send the answer. It is sealed if there is an audience.
struct Reply {
    method: String,
    path: String,
    audience: Option<String>,
    in_reply_to: Option<String>,
}

impl Reply {
    fn to(request: &Request) -> Self {
        let wanted = is(request.headers(), &X_ENCRYPT_RESPONSE, "true");
        Self {
            method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
            audience: wanted.then(|| CLIENT.to_owned()),
            in_reply_to: None,
        }
    }

    fn target(&self) -> envelopes::Target {
        envelopes::Target {
            method: self.method.clone(),
            path: self.path.clone(),
        }
    }

    /// Seals the body of the response if there is an audience. Status and other headers do not change.
    async fn sealed(mut self, response: Response) -> Response {
        let Some(audience) = self.audience.take() else {
            return response;
        };
        match self.seal(audience, response).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    }

    async fn seal(self, audience: String, response: Response) -> Result<Response, Problem> {
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        let payload = String::from_utf8(body.into()).map_err(failed)?;
        let target = self.target();
        let envelope = envelopes::seal(payload, audience, target, self.in_reply_to)
            .await
            .map_err(failed)?;
        head.headers.remove(CONTENT_LENGTH);
        head.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let encrypted = HeaderValue::from_static("encrypted");
        head.headers.insert(X_SERVICE_COMMUNICATION, encrypted);
        let body = json!({ ENCRYPTED_DATA: envelope }).to_string();
        Ok(Response::from_parts(head, body.into()))
    }
}

/// If sealing fails, the answer is replaced by a problem: a plain answer would disclose its content.
fn failed(error: impl std::fmt::Display) -> Problem {
    Problem::internal(format!("sealing an answer: {error}"))
}

fn is(headers: &HeaderMap, name: &HeaderName, expected: &str) -> bool {
    headers
        .get(name)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(expected.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(announced: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if announced {
            headers.insert(X_SERVICE_COMMUNICATION, "encrypted".parse().unwrap());
        }
        headers
    }

    fn rejection(document: Value, announced: bool, plain: Plain) -> &'static str {
        let rejection = envelope(&document, &headers(announced), plain).unwrap_err();
        rejection.kind().name
    }

    #[test]
    fn the_shape_of_the_body_decides() {
        let sealed = json!({"encrypted_data": "a.b.c.d.e"});
        for plain in [Plain::Accepted, Plain::Rejected] {
            let found = envelope(&sealed, &headers(false), plain).unwrap();
            assert_eq!(found.as_deref(), Some("a.b.c.d.e"));
        }
    }

    #[test]
    fn plain_bodies_are_accepted_or_rejected() {
        let found = envelope(&json!({}), &headers(false), Plain::Accepted).unwrap();
        assert_eq!(found, None);
        assert_eq!(
            rejection(json!({}), false, Plain::Rejected),
            "encryption-required"
        );
    }

    #[test]
    fn a_body_that_only_claims_to_be_sealed_is_rejected() {
        assert_eq!(
            rejection(json!({}), true, Plain::Accepted),
            "envelope-invalid"
        );
        let wrong_type = json!({"encrypted_data": 1});
        assert_eq!(
            rejection(wrong_type, false, Plain::Accepted),
            "envelope-invalid"
        );
    }
}
