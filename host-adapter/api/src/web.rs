//! Calls as HTTP requests.

use std::{convert::Infallible, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::{
    call, callers::Caller, connection::Connections, functions, protocol, rejection::Rejection,
};
use adapter_contract::deadline;
use adapter_listening::{MAX_HEAD, Watcher, close_after};
use adapter_telemetry::traces::{InScope as _, TRACEPARENT};
use adapter_wire::{self as wire, Call, Format};

/// The headers with adapter-client's version, and with the id of the service's own request.
const VERSION: &str = "spindle-adapter-version";
const REQUEST_ID: &str = "x-request-id";

impl Connections {
    /// Serves calls until either side closes the connection.
    pub(super) async fn serve_web(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        certified: Option<Arc<Caller>>,
        watcher: Watcher,
    ) {
        let header_timeout = self.header_timeout;
        let service = service_fn(move |request| {
            let (connections, certified) = (self.clone(), certified.clone());
            async move {
                let mut response = connections.answer(certified, request).await;
                if connections.draining.is_cancelled() {
                    close_after(&mut response);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!("serving a connection failed: {error}");
        }
    }

    async fn answer(
        &self,
        certified: Option<Arc<Caller>>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let function = request.uri().path().trim_start_matches('/').to_owned();
        let Some(caller) = certified.or_else(|| self.find_by_token(&request)) else {
            return call::rejected_stranger().response();
        };
        let head = head(&function, request.headers());
        let (scope, limit) = (
            call::scope(&caller, &head),
            self.time_limit(head.time_left()),
        );
        let call = self.call(&caller, &function, request);
        let call = timeout(limit, deadline::scope(Some(Instant::now() + limit), call));
        let result = call.in_scope(scope.clone()).await;
        let _within = scope.enter();
        match result.unwrap_or(Err(Rejection::Timeout)) {
            Ok(result) => json_response(result),
            Err(rejection) => {
                call::rejected(&caller, &function, &rejection);
                rejection.response()
            }
        }
    }

    fn find_by_token(&self, request: &Request<Incoming>) -> Option<Arc<Caller>> {
        let header = request.headers().get(header::AUTHORIZATION)?;
        let token = header.as_bytes().strip_prefix(b"Bearer ")?;
        self.callers.find_by_token(token)
    }

    async fn call(
        &self,
        caller: &Caller,
        function: &str,
        request: Request<Incoming>,
    ) -> Result<Vec<u8>, Rejection> {
        let _permit = call::enter(caller)?;
        if request.method() != Method::POST {
            return Err(Rejection::Method);
        }
        protocol::check(text(request.headers(), VERSION).unwrap_or("none"))?;
        let mut body = request.into_body();
        let arguments = Limited::new(&mut body, self.settings.max_body)
            .collect()
            .await;
        let arguments = match arguments {
            Ok(arguments) => arguments.to_bytes(),
            Err(error) => {
                drain(body, self.settings.max_body).await;
                return Err(reject_body(error.as_ref(), self.settings.max_body));
            }
        };
        let adapter = &*caller.adapter;
        functions::call(function, adapter, Format::Json, &arguments, Vec::new()).await
    }
}

/// Reads and drops what a client still sends, up to as much as a call may have. A client that sends its whole
/// call before it reads would see a broken connection instead of the answer.
async fn drain(mut body: Incoming, limit: usize) {
    let mut bytes = 0;
    while bytes < limit
        && let Some(Ok(frame)) = body.frame().await
    {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// The call without its arguments.
fn head<'a>(function: &'a str, headers: &'a HeaderMap) -> Call<'a> {
    Call {
        function,
        request_id: text(headers, REQUEST_ID).unwrap_or_default(),
        traceparent: text(headers, TRACEPARENT).unwrap_or_default(),
        milliseconds: text(headers, deadline::HEADER)
            .and_then(deadline::parse)
            .map(wire::milliseconds),
        format: Format::Json,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn reject_body(error: &(dyn std::error::Error + 'static), limit: usize) -> Rejection {
    if error.is::<LengthLimitError>() {
        Rejection::TooLarge { limit }
    } else {
        Rejection::Unreadable(error.to_string())
    }
}

/// The body's length is known, so hyper sends `Content-Length`, and a client does not wait for a last
/// chunk.
fn json_response(result: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(result)));
    *response.status_mut() = StatusCode::OK;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
