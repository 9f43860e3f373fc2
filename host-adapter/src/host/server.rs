//! HTTP in front of an application: connections, limits, and an orderly end.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{
    WasiBody,
    handler::{ExpirationError, InstantiationError},
};

use super::{HostSettings, application::Application, problem::Problem};

/// Pause after `accept` failed, which it does when the process has no file descriptors left: going
/// on at once would only burn the processor until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One application on one listener.
pub(super) struct Server {
    application: Application,
    settings: HostSettings,
    requests: Semaphore,
}

impl Server {
    pub(super) fn new(application: Application, settings: HostSettings) -> Arc<Self> {
        let requests = Semaphore::new(settings.max_requests);
        Arc::new(Self {
            application,
            settings,
            requests,
        })
    }

    /// Serves until `shutdown`, then finishes the requests in flight within the shutdown timeout.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener, shutdown: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let connections = Arc::new(Semaphore::new(self.settings.max_connections));
        loop {
            // Taken before accepting: beyond the limit, clients wait in the system's queue.
            let next = async {
                let permit = connections.clone().acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let connection = graceful.watch(self.clone().connection(stream));
                    tokio::spawn(async move {
                        // What fails here is the client's connection, and the client's business.
                        if let Err(error) = connection.await {
                            tracing::debug!("connection: {error}");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!("accepting a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        if tokio::time::timeout(self.settings.shutdown_timeout, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                "requests were still running after {:?}",
                self.settings.shutdown_timeout
            );
        }
    }

    fn connection(
        self: Arc<Self>,
        stream: TcpStream,
    ) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("setting TCP_NODELAY: {error}");
        }
        let header_timeout = self.settings.header_timeout;
        let service = service_fn(move |request| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service)
    }

    async fn answer(&self, request: http::Request<Incoming>) -> http::Response<WasiBody> {
        let path = request.uri().path().to_owned();
        match self.handle(&path, request).await {
            Ok(response) => response,
            Err(problem) => problem.response(&path),
        }
    }

    async fn handle(
        &self,
        path: &str,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<WasiBody>, Problem> {
        let _permit = self
            .requests
            .try_acquire()
            .map_err(|_| Problem::Overloaded)?;
        let component = self.application.find(path).ok_or(Problem::NoRoute)?;
        let request =
            request.map(|body| body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync());
        component
            .handle(request)
            .await
            .map_err(|error| problem(component.id(), path, &error))
    }
}

/// Logs why a component did not answer. The request's text stays out: it is the client's.
fn problem(component: &str, path: &str, error: &wasmtime::Error) -> Problem {
    if error.is::<ExpirationError>() {
        tracing::error!(component, path, "`{component}` did not answer in time");
        return Problem::TimedOut;
    }
    if let Some(error) = error.downcast_ref::<InstantiationError<()>>() {
        tracing::error!(component, path, "no instance of `{component}`: {error}");
        return Problem::Overloaded;
    }
    tracing::error!(component, path, "`{component}` failed: {error:?}");
    Problem::Crashed
}
