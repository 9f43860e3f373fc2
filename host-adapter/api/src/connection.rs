//! One connection: who is at the other end, and its calls.

use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc, time::Duration};

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

use super::{
    ApiSettings,
    callers::{Caller, Callers},
    functions,
    prompt::Prompt,
    protocol,
    refusal::Refusal,
    tls,
};
use adapter_listening::Serve;

/// The connections of one thread.
pub(super) struct Connections {
    pub(super) callers: Arc<Callers>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) settings: Arc<ApiSettings>,
    pub(super) header_timeout: Duration,
}

impl Serve for Connections {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let stream = Prompt(stream);
            let Some(acceptor) = &self.tls else {
                return self.calls(stream, None, watcher).await;
            };
            match timeout(self.header_timeout, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let certified = self.certified(&stream);
                    self.calls(stream, certified, watcher).await;
                }
                Ok(Err(error)) => tracing::warn!("refused a connection: {error}"),
                Err(_) => tracing::warn!("refused a connection: no TLS handshake in time"),
            }
        })
    }
}

impl Connections {
    /// Serves calls until either side closes the connection.
    async fn calls(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        certified: Option<Arc<Caller>>,
        watcher: Watcher,
    ) {
        let header_timeout = self.header_timeout;
        let service = service_fn(move |request| {
            let (connections, certified) = (self.clone(), certified.clone());
            async move { Ok::<_, Infallible>(connections.answer(certified, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!("connection: {error}");
        }
    }

    fn certified(&self, stream: &tokio_rustls::server::TlsStream<Prompt>) -> Option<Arc<Caller>> {
        let certificate = stream.get_ref().1.peer_certificates()?.first()?;
        let names = tls::names(certificate);
        self.callers.certified(names.iter().map(String::as_str))
    }

    async fn answer(
        &self,
        certified: Option<Arc<Caller>>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let function = request.uri().path().trim_start_matches('/').to_owned();
        let Some(caller) = certified.or_else(|| self.authorized(&request)) else {
            tracing::warn!("refused a call: its token or certificate is no component's");
            return Refusal::Unknown.response();
        };
        let call = timeout(
            self.settings.request_timeout,
            self.call(&caller, &function, request),
        );
        match call.await.unwrap_or(Err(Refusal::TooSlow)) {
            Ok(result) => answer(result),
            Err(refusal) => {
                let component = caller.adapter.component();
                tracing::warn!(component, function, "refused a call: {refusal}");
                refusal.response()
            }
        }
    }

    fn authorized(&self, request: &Request<Incoming>) -> Option<Arc<Caller>> {
        let header = request.headers().get(header::AUTHORIZATION)?;
        self.callers.authorized(header.as_bytes())
    }

    async fn call(
        &self,
        caller: &Caller,
        function: &str,
        request: Request<Incoming>,
    ) -> Result<Vec<u8>, Refusal> {
        let _permit = caller.calls.try_acquire().map_err(|_| Refusal::TooMany)?;
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        protocol::check(request.headers())?;
        let arguments = Limited::new(request.into_body(), self.settings.max_body)
            .collect()
            .await
            .map_err(|error| unreadable(error.as_ref(), self.settings.max_body))?
            .to_bytes();
        functions::call(function, &*caller.adapter, &arguments).await
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static), limit: usize) -> Refusal {
    if error.is::<LengthLimitError>() {
        Refusal::TooLarge { limit }
    } else {
        Refusal::Unreadable(error.to_string())
    }
}

/// The length is known, so hyper says it: a client must not wait for a last chunk.
fn answer(result: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(result)));
    *response.status_mut() = StatusCode::OK;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
