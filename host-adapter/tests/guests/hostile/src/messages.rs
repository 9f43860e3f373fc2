//! Uses and misuses `spindle:adapter/http`.

use service_kit::adapter::http;
use spin_sdk::http::{HeaderMap, Request};
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::{wit_future, wit_stream};

/// Has the host read the request that has come in.
pub(crate) fn receive(mut request: Request) -> String {
    match request.body_mut().take_unstarted() {
        Some(request) => describe(http::receive(request)),
        None => "the request was read already".to_owned(),
    }
}

/// Has the host read a request that this component makes.
pub(crate) fn receive_own() -> String {
    let (_body, contents) = wit_stream::new();
    let (_end, trailers) = wit_future::new(|| Ok(None));
    let headers = types::Fields::new();
    let (request, _sent) = types::Request::new(headers, Some(contents), trailers, None);
    match request.set_path_with_query(Some("/")) {
        Ok(()) => describe(http::receive(request)),
        Err(()) => "the path is not valid".to_owned(),
    }
}

fn describe(received: Result<http::ReceivedRequest, types::Request>) -> String {
    let Ok(request) = received else {
        return "declined".to_owned();
    };
    let (method, path) = (request.method, request.path_with_query);
    let headers = String::from_utf8_lossy(&request.headers);
    let sent = |line: &&str| line.starts_with("x-test");
    let headers = headers.lines().filter(sent).count();
    format!(
        "{method} {path}, {headers} headers, {} bytes",
        request.body.len()
    )
}

/// Has the host make `count` responses with a status and a body of so many bytes. The headers are those of the
/// request that begin with `x-test-`, without that. Returns the last response.
pub(crate) fn respond(arguments: &str, headers: &HeaderMap) -> Option<types::Response> {
    let mut numbers = arguments.split('/').map(|text| text.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (status, length, count) = (next(), next(), next());
    let mut lines = Vec::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix("x-test-") {
            let name = name.replace("blank", " ");
            lines.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    let status = u16::try_from(status).unwrap_or(u16::MAX);
    let body = vec![b'x'; length];
    let mut last = None;
    for _ in 0..count {
        last = http::respond(status, &lines, &body);
    }
    last
}
