//! HTTP in front of an application, on one thread: limits, answers, and what the log says of those
//! that failed.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{net::TcpStream, sync::Semaphore};
use wasmtime_wasi_http::{
    WasiBody,
    handler::{ExpirationError, InstantiationError},
};

use super::{
    application::Running,
    problem::{Head, Problem},
};
use adapter_listening::Serve;

/// Who is at the other end of the connection, as Spin tells its components: `ip:port`. Whatever the
/// client sent under this name is overwritten.
const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");

/// One application on one thread.
pub(super) struct Server {
    application: Running,
    header_timeout: Duration,
    /// Shared with the same application on the other threads.
    requests: Arc<Semaphore>,
}

impl Server {
    pub(super) fn new(
        application: Running,
        header_timeout: Duration,
        requests: Arc<Semaphore>,
    ) -> Arc<Self> {
        Arc::new(Self {
            application,
            header_timeout,
            requests,
        })
    }

    async fn answer(&self, request: http::Request<Incoming>) -> http::Response<WasiBody> {
        let head = Head::of(&request);
        match self.handle(&head, request).await {
            Ok(response) => response,
            Err(problem) => problem.response(&head),
        }
    }

    async fn handle(
        &self,
        head: &Head,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<WasiBody>, Problem> {
        let _permit = self
            .requests
            .try_acquire()
            .map_err(|_| Problem::Overloaded)?;
        let component = self.application.find(&head.path).ok_or(Problem::NoRoute)?;
        let request =
            request.map(|body| body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync());
        component
            .handle(request)
            .await
            .map_err(|error| problem(component.id(), head, &error))
    }
}

impl Serve for Server {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let header_timeout = self.header_timeout;
        // Only a connection that is closed already has nobody at its other end.
        let Some(client) = address(&stream) else {
            return Box::pin(async {});
        };
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            let server = self.clone();
            request.headers_mut().insert(CLIENT_ADDRESS, client.clone());
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service);
        Box::pin(async move {
            // What fails here is the client's connection, and the client's business.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!("connection: {error}");
            }
        })
    }
}

fn address(stream: &TcpStream) -> Option<HeaderValue> {
    let address = stream.peer_addr().ok()?;
    HeaderValue::try_from(address.to_string()).ok()
}

/// Logs why a component did not answer. The request's text stays out: it is the client's.
fn problem(component: &str, head: &Head, error: &wasmtime::Error) -> Problem {
    let (path, request_id) = (head.path.as_str(), head.request_id.as_str());
    if error.is::<ExpirationError>() {
        tracing::error!(
            component,
            request_id,
            path,
            "`{component}` did not answer in time"
        );
        return Problem::TimedOut;
    }
    if let Some(error) = error.downcast_ref::<InstantiationError<()>>() {
        tracing::error!(
            component,
            request_id,
            path,
            "no instance of `{component}`: {error}"
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
