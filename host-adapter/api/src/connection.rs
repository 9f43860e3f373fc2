//! One connection: identifies the caller and serves its calls.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    ApiSettings,
    callers::{Caller, Callers},
    functions, metrics, protocol,
    quick_ack::QuickAckStream,
    rejection::Rejection,
    tls,
};
use adapter_contract::deadline;
use adapter_listening::{MAX_HEAD, Serve, close_after};
use adapter_telemetry::traces::{self, Entry, InScope as _, Scope, TRACEPARENT};

/// Longest request id and `traceparent` that are read, as in `wit/context.wit`.
const MAX_ID: usize = 200;

/// Serves the connections of one thread.
pub(super) struct Connections {
    pub(super) callers: Arc<Callers>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) settings: Arc<ApiSettings>,
    pub(super) header_timeout: Duration,
    pub(super) draining: CancellationToken,
}

impl Serve for Connections {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let stream = QuickAckStream(stream);
            let Some(acceptor) = &self.tls else {
                return self.serve_calls(stream, None, watcher).await;
            };
            match timeout(self.header_timeout, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let certified = self.find_by_certificate(&stream);
                    self.serve_calls(stream, certified, watcher).await;
                }
                Ok(Err(error)) => tracing::warn!("rejected a connection: {error}"),
                Err(_) => tracing::warn!("rejected a connection: the TLS handshake timed out"),
            }
        })
    }
}

impl Connections {
    /// Serves calls until either side closes the connection.
    async fn serve_calls(
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

    fn find_by_certificate(
        &self,
        stream: &tokio_rustls::server::TlsStream<QuickAckStream>,
    ) -> Option<Arc<Caller>> {
        let certificate = stream.get_ref().1.peer_certificates()?.first()?;
        let names = tls::dns_names(certificate);
        self.callers
            .find_by_certificate(names.iter().map(String::as_str))
    }

    async fn answer(
        &self,
        certified: Option<Arc<Caller>>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let function = request.uri().path().trim_start_matches('/').to_owned();
        let Some(caller) = certified.or_else(|| self.find_by_token(&request)) else {
            metrics::rejected("_OTHER", Rejection::UnknownCaller.word());
            tracing::warn!("rejected a call: its token or certificate belongs to no component");
            return Rejection::UnknownCaller.response();
        };
        let scope = scope_of(&caller, &function, &request);
        let limit = self.time_left(&request);
        let call = self.call(&caller, &function, request);
        let call = timeout(limit, deadline::scope(Some(Instant::now() + limit), call));
        let result = call.in_scope(scope.clone()).await;
        let _within = scope.enter();
        match result.unwrap_or(Err(Rejection::Timeout)) {
            Ok(result) => json_response(result),
            Err(rejection) => {
                let component = caller.adapter.component();
                metrics::rejected(component, rejection.word());
                tracing::warn!(component, function, "rejected a call: {rejection}");
                rejection.response()
            }
        }
    }

    /// Returns how long a call may take: less than the setting if the caller of the component's request waits for less.
    fn time_left(&self, request: &Request<Incoming>) -> Duration {
        let header = request.headers().get(deadline::HEADER);
        let left = header.and_then(|header| deadline::parse(header.to_str().ok()?));
        let longest = self.settings.request_timeout;
        left.map_or(longest, |left| left.min(longest))
    }

    fn find_by_token(&self, request: &Request<Incoming>) -> Option<Arc<Caller>> {
        let header = request.headers().get(header::AUTHORIZATION)?;
        self.callers.find_by_token(header.as_bytes())
    }

    async fn call(
        &self,
        caller: &Caller,
        function: &str,
        request: Request<Incoming>,
    ) -> Result<Vec<u8>, Rejection> {
        let _permit = caller
            .calls
            .try_acquire()
            .map_err(|_| Rejection::TooManyCalls)?;
        if request.method() != Method::POST {
            return Err(Rejection::Method);
        }
        protocol::check(request.headers())?;
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
        functions::call(function, &*caller.adapter, &arguments).await
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

/// What a call belongs to. Its parent is the request that the component is handling on the other host.
fn scope_of(caller: &Caller, function: &str, request: &Request<Incoming>) -> Scope {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        value.to_str().ok().filter(|value| value.len() <= MAX_ID)
    };
    let traced = traces::request(Entry {
        component: caller.adapter.component(),
        request_id: header("x-request-id").unwrap_or_default(),
        traceparent: header(TRACEPARENT),
        method: "CALL",
        path: function,
    });
    traced.scope
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
