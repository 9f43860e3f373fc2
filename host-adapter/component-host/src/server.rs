//! The HTTP server of an application on one thread: it applies limits, calls components, and logs
//! failures.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderValue, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{
    WasiBody,
    handler::{ExpirationError, InstantiationError},
};

use super::{
    answer_body::AnswerBody,
    client_address::{CLIENT_ADDRESS, ClientAddresses},
    component::Component,
    limits::Limits,
    metrics,
    problem::{Head, Problem},
    request::TracedRequest,
    request_body::{RequestBody, Rest, TooSlow},
    serving::Serving,
    work::{Active, Caller, Work},
};
use adapter_contract::deadline;
use adapter_listening::{
    ListeningSettings, MAX_HEAD, Pace, PacedStream, Serve, Watcher, close_after,
};
use adapter_telemetry::traces::{self, Entry, InScope as _, Scope, TRACEPARENT};

/// One application on one thread.
pub(super) struct Server {
    application: Arc<Serving>,
    settings: ListeningSettings,
    limits: Limits,
    addresses: Arc<ClientAddresses>,
    draining: CancellationToken,
}

impl Server {
    pub(super) fn new(
        application: Arc<Serving>,
        settings: ListeningSettings,
        limits: Limits,
        addresses: Arc<ClientAddresses>,
        draining: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            application,
            settings,
            limits,
            addresses,
            draining,
        })
    }

    async fn answer(
        &self,
        mut request: http::Request<Incoming>,
        client: IpAddr,
    ) -> http::Response<WasiBody> {
        let head = Head::from_request(&mut request);
        let Some(component) = self.application.find(&head.path) else {
            metrics::rejected(None, Problem::NoRoute.name());
            return Problem::NoRoute.response(&head, &self.application.cors());
        };
        let traced = trace(&component, &head, &mut request);
        let handled = self.handle(&component, &head, request, client, &traced.scope);
        let mut response = match handled.in_scope(traced.scope.clone()).await {
            Ok(response) => response,
            Err(problem) => {
                metrics::rejected(Some(component.id()), problem.name());
                problem.response(&head, &component.template().cors)
            }
        };
        finish(&component, &head, &mut response, &traced);
        response
    }

    async fn handle(
        &self,
        component: &Component,
        head: &Head,
        request: http::Request<Incoming>,
        client: IpAddr,
        scope: &Scope,
    ) -> Result<http::Response<WasiBody>, Problem> {
        let active = Active::enter(component.metrics().active.clone());
        let limit = time_of_caller(&request);
        let (request, rest) = self.receive(request).await?;
        let is_whole = request.body().is_whole();
        let request = request.map(BodyExt::boxed_unsync);
        let counted = self.limits.enter(client, self.is_shared(client), active);
        let work = Work::new(counted.ok_or(Problem::Overloaded)?);
        // hyper drops this future when the client hangs up, and a deadline ends it.
        let caller = Caller::of(&work);
        let longest = component.template().settings.request_timeout;
        let deadline = Instant::now() + limit.map_or(longest, |limit| limit.min(longest));
        let traced = TracedRequest::new(scope.clone(), head.id(), work.clone(), deadline, is_whole);
        let handled = component.handle(request, &traced);
        let handled = match limit {
            None => handled.await,
            Some(limit) => timeout(limit, handled).await.map_err(|_| {
                tracing::debug!("the caller's deadline has passed");
                Problem::TimedOut
            })?,
        };
        caller.answered();
        rest.drain().await;
        let response = handled.map_err(|error| problem(component.id(), head, &error))?;
        Ok(response.map(|body| AnswerBody::new(body, work).boxed_unsync()))
    }

    /// Receives the beginning of the body. Until then a request takes only its connection.
    async fn receive(
        &self,
        request: http::Request<Incoming>,
    ) -> Result<(http::Request<RequestBody>, Rest), Problem> {
        let expects = request.headers().contains_key(header::EXPECT);
        let pace = Pace::new(self.settings.min_rate, self.settings.body_timeout);
        let (head, body) = request.into_parts();
        let (body, rest) = RequestBody::receive(body, pace, expects)
            .await
            .map_err(|TooSlow| Problem::SlowBody)?;
        Ok((http::Request::from_parts(head, body), rest))
    }
}

/// Returns how long the caller waits, if it says so. It can only shorten `host.request_timeout`.
fn time_of_caller<B>(request: &http::Request<B>) -> Option<Duration> {
    let header = request.headers().get(deadline::HEADER)?;
    deadline::parse(header.to_str().ok()?)
}

/// Begins the request's trace, and tells the component its position in the trace.
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
    traced.answered(method, &route.name, status.as_u16());
}

impl Serve for Server {
    fn is_shared(&self, address: IpAddr) -> bool {
        self.addresses.is_shared(address)
    }

    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let settings = self.settings;
        // The address is missing only when the connection is already closed.
        let Ok(connection) = stream.peer_addr() else {
            return Box::pin(async {});
        };
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            let server = self.clone();
            let client = server.addresses.client(connection, request.headers());
            if let Some(client) = header_value(client) {
                // It replaces every value that the client sent.
                request.headers_mut().insert(CLIENT_ADDRESS, client);
            }
            async move {
                let mut response = server.answer(request, client.ip()).await;
                if server.draining.is_cancelled() {
                    close_after(&mut response);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let pace = Pace::new(settings.min_rate, settings.write_timeout);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(PacedStream::new(stream, pace)), service);
        Box::pin(async move {
            // An error here concerns only the client's connection, so it is not a warning.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!("serving a connection failed: {error}");
            }
        })
    }
}

/// The text of an address is always valid in a header.
fn header_value(address: SocketAddr) -> Option<HeaderValue> {
    HeaderValue::try_from(address.to_string()).ok()
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
