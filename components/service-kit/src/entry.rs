//! Where a component gets its requests from, and gives its responses to.
//!
//! The embedded host passes both in one call each (`wit/http.wit`). On other hosts, and for what it declines, they
//! are read and made with `wasi:http`, piece by piece.

use adapter_contract::header_lines;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http;
use axum::response::Response;
use http_body_util::BodyExt as _;
use spin_sdk::http::{FromRequest as _, IntoResponse as _};
use spin_sdk::wasip3::http::types;
use types::ErrorCode;

use crate::adapter::http as host;
use crate::exchange;

/// Reads the request for which the host has called the component.
pub(crate) fn receive(request: types::Request) -> Result<Request, ErrorCode> {
    if exchange::is_composed() {
        return receive_in_pieces(request);
    }
    match host::receive(request) {
        Ok(request) => whole(request).map_err(internal),
        Err(request) => receive_in_pieces(request),
    }
}

fn receive_in_pieces(request: types::Request) -> Result<Request, ErrorCode> {
    let request = spin_sdk::http::Request::from_request(request)?;
    Ok(request.map(Body::new))
}

fn whole(received: host::ReceivedRequest) -> Result<Request, http::Error> {
    let mut request = Request::builder()
        .method(received.method.as_str())
        .uri(received.path_with_query);
    for (name, value) in header_lines::read(&received.headers) {
        request = request.header(name, value);
    }
    request.body(Body::from(received.body))
}

/// Makes the response that the host gets.
pub(crate) async fn respond(response: Response) -> Result<types::Response, ErrorCode> {
    if exchange::is_composed() || response.body().size_hint().exact().is_none() {
        return response.into_response();
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(internal)?.to_bytes();
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let lines = header_lines::write(headers);
    match host::respond(head.status.as_u16(), &lines, &body) {
        Some(response) => Ok(response),
        None => Response::from_parts(head, Body::from(body)).into_response(),
    }
}

fn internal(error: impl std::error::Error) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block_on;

    fn received(headers: &str) -> host::ReceivedRequest {
        host::ReceivedRequest {
            method: "PROPFIND".to_owned(),
            path_with_query: "/a?b=%20".to_owned(),
            headers: headers.into(),
            body: b"text".to_vec(),
        }
    }

    #[test]
    fn a_received_request_loses_nothing() {
        let request = whole(received("x-name: 1\r\nx-name: 2\r\n")).unwrap();
        assert_eq!(request.method(), "PROPFIND");
        assert_eq!(request.uri(), "/a?b=%20");
        let values: Vec<_> = request.headers().get_all("x-name").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(request.body().size_hint().exact(), Some(4));
        let body = block_on(request.into_body().collect()).unwrap();
        assert_eq!(body.to_bytes(), "text");
    }

    #[test]
    fn a_request_that_is_not_valid_is_an_error() {
        assert!(whole(received("a b: 1\r\n")).is_err());
    }
}
