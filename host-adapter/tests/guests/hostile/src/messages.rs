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
    describe(http::receive(request))
}

fn describe(received: Result<http::ReceivedRequest, types::Request>) -> String {
    let Ok(request) = received else {
        return "declined".to_owned();
    };
    let (method, path) = (request.method, request.path_with_query);
    let sent = |(name, _): &&(String, Vec<u8>)| name.starts_with("x-test");
    let headers = request.headers.iter().filter(sent).count();
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
    let headers = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-test-")?;
        Some((name.replace("blank", " "), value.as_bytes().to_vec()))
    });
    let headers: Vec<_> = headers.collect();
    let status = u16::try_from(status).unwrap_or(u16::MAX);
    let body = vec![b'x'; length];
    let mut last = None;
    for _ in 0..count {
        last = http::respond(status, &headers, &body);
    }
    last
}
