//! Accepts the connections of the management port.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

/// Time to send the head of a request. A probe sends it at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest that a connection is open. A scraper and a page reconnect.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// Pause after a failed `accept`, which fails when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`. A connection beyond `limit` is closed at once, so that the next probe does not
/// wait behind it.
pub(super) async fn run(
    socket: TcpListener,
    router: Router,
    limit: usize,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limit));
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Ok(permit) = permits.clone().try_acquire_owned() {
                    tokio::spawn(serve(stream, router.clone(), permit));
                }
            }
            Err(error) => {
                tracing::warn!("accepting a connection to the management port failed: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, _permit: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(MAX_AGE, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!("a connection to the management port failed: {error}"),
    }
}
