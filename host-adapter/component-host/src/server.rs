//! The HTTP server of an application on one thread: it applies limits, calls components, and logs
//! failures.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use http::HeaderValue;
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tracing::Instrument as _;
use wasmtime_wasi_http::{
    WasiBody,
    handler::{ExpirationError, InstantiationError},
};

use super::{
    client_address::{CLIENT_ADDRESS, ClientAddresses},
    component::Component,
    deadline, metrics,
    problem::{Head, Problem},
    request::TracedRequest,
    serving::Serving,
};
use adapter_listening::Serve;
use adapter_telemetry::{
    metrics::Gauge,
    traces::{self, Entry, TRACEPARENT},
};

/// One application on one thread.
pub(super) struct Server {
    application: Arc<Serving>,
    header_timeout: Duration,
    /// Shared with the same application on the other threads.
    requests: Arc<Semaphore>,
    addresses: Arc<ClientAddresses>,
}

impl Server {
    pub(super) fn new(
        application: Arc<Serving>,
        header_timeout: Duration,
        requests: Arc<Semaphore>,
        addresses: Arc<ClientAddresses>,
    ) -> Arc<Self> {
        Arc::new(Self {
            application,
            header_timeout,
            requests,
            addresses,
        })
    }

    async fn answer(&self, mut request: http::Request<Incoming>) -> http::Response<WasiBody> {
        let head = Head::from_request(&mut request);
        let Some(component) = self.application.find(&head.path) else {
            metrics::rejected(None, Problem::NoRoute.name());
            return Problem::NoRoute.response(&head, &self.application.cors());
        };
        let traced = trace(&component, &head, &mut request);
        let active = Active::enter(component.metrics().active.clone());
        let working = TracedRequest::new(traced.span.clone(), head.id());
        let handled = self.handle(&component, &head, request, &working);
        let mut response = match handled.instrument(traced.span.clone()).await {
            Ok(response) => response,
            Err(problem) => {
                metrics::rejected(Some(component.id()), problem.name());
                problem.response(&head, &component.template().cors)
            }
        };
        drop(active);
        finish(&component, &head, &mut response, &traced);
        response
    }

    async fn handle(
        &self,
        component: &Component,
        head: &Head,
        request: http::Request<Incoming>,
        traced: &TracedRequest,
    ) -> Result<http::Response<WasiBody>, Problem> {
        let _permit = self
            .requests
            .try_acquire()
            .map_err(|_| Problem::Overloaded)?;
        let deadline = deadline::of(request.headers());
        let request =
            request.map(|body| body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync());
        let handled = component.handle(request, traced);
        let result = match deadline {
            None => handled.await,
            Some(deadline) => timeout(deadline, handled).await.map_err(|_| {
                tracing::debug!("the caller's deadline has passed");
                Problem::TimedOut
            })?,
        };
        result.map_err(|error| problem(component.id(), head, &error))
    }
}

/// Counts a request in flight until it is dropped, also when the client goes away.
struct Active(Gauge);

impl Active {
    fn enter(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Opens the request's span, and tells the component its position in the trace.
fn trace(
    component: &Component,
    head: &Head,
    request: &mut http::Request<Incoming>,
) -> traces::Request {
    let caller = request.headers().get(TRACEPARENT);
    let traced = traces::request(Entry {
        component: component.id(),
        request_id: head.id(),
        traceparent: caller.and_then(|value| value.to_str().ok()),
        method: head.method.as_str(),
        path: &head.path,
    });
    let headers = request.headers_mut();
    if let Ok(position) = HeaderValue::try_from(traced.position.to_string()) {
        headers.insert(TRACEPARENT, position);
    }
    // The component names its route only to a host that asks.
    headers.insert(metrics::ROUTE, HeaderValue::from_static("?"));
    traced
}

/// Records how a request was answered.
fn finish(
    component: &Component,
    head: &Head,
    response: &mut http::Response<WasiBody>,
    traced: &traces::Request,
) {
    let header = response.headers_mut().remove(metrics::ROUTE);
    let route = component.metrics().route(header.as_ref());
    let status = response.status();
    let duration = head.started.elapsed();
    component
        .metrics()
        .answered(&head.method, &route, status, duration);
    let method = metrics::known(&head.method);
    traced.answered(method, &route, status.as_u16());
}

impl Serve for Server {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let header_timeout = self.header_timeout;
        // The address is missing only when the connection is already closed.
        let Ok(connection) = stream.peer_addr() else {
            return Box::pin(async {});
        };
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            let server = self.clone();
            let headers = request.headers_mut();
            let client = server.addresses.client(connection, headers);
            // It replaces every value that the client sent.
            headers.insert(CLIENT_ADDRESS, client);
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        Box::pin(async move {
            // An error here concerns only the client's connection, so it is not a warning.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!("serving a connection failed: {error}");
            }
        })
    }
}

/// Logs why a component did not answer. The request's body and query are not logged, because they may
/// hold personal data.
fn problem(component: &str, head: &Head, error: &wasmtime::Error) -> Problem {
    let (path, request_id) = (head.path.as_str(), head.id());
    if error.is::<ExpirationError>() {
        tracing::error!(
            component,
            request_id,
            path,
            "`{component}` did not answer in time"
        );
        return Problem::TimedOut;
    }
    if let Some(error) = error.downcast_ref::<InstantiationError<TracedRequest>>() {
        tracing::error!(
            component,
            request_id,
            path,
            "an instance of `{component}` could not be created: {error}"
        );
        return Problem::Overloaded;
    }
    tracing::error!(
        component,
        request_id,
        path,
        "`{component}` failed: {error:?}"
    );
    Problem::Crashed
}
