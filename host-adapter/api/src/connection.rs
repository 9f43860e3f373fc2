//! One connection: identifies who calls, and serves the calls in the way in which they come.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{
    ApiSettings,
    callers::{Caller, Callers},
    quick_ack::QuickAckStream,
    tls,
};
use adapter_listening::{Serve, Watcher};
use adapter_wire::PREFACE;

/// Serves the connections of one thread.
pub(super) struct Connections {
    pub(super) callers: Arc<Callers>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) settings: Arc<ApiSettings>,
    pub(super) header_timeout: Duration,
    pub(super) write_timeout: Duration,
    /// Cancelled before the process stops: clients are asked to open other connections.
    pub(super) draining: CancellationToken,
}

impl Serve for Connections {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let Some(acceptor) = &self.tls else {
                return self.serve_plain(stream, watcher).await;
            };
            match timeout(self.header_timeout, acceptor.accept(QuickAckStream(stream))).await {
                Ok(Ok(stream)) => {
                    let certified = self.find_by_certificate(&stream);
                    self.serve_web(stream, certified, watcher).await;
                }
                Ok(Err(error)) => tracing::warn!("rejected a connection: {error}"),
                Err(_) => tracing::warn!("rejected a connection: the TLS handshake timed out"),
            }
        })
    }
}

impl Connections {
    /// Serves frames or HTTP. The first byte tells.
    async fn serve_plain(self: Arc<Self>, stream: TcpStream, watcher: Watcher) {
        let mut first = [0];
        let peeked = tokio::select! {
            peeked = timeout(self.header_timeout, stream.peek(&mut first)) => peeked,
            () = watcher.closing().cancelled() => return,
        };
        match peeked {
            Ok(Ok(1)) if PREFACE.starts_with(&first) => {
                self.serve_sockets(QuickAckStream(stream), watcher).await;
            }
            Ok(Ok(1)) => self.serve_web(QuickAckStream(stream), None, watcher).await,
            // The client said nothing.
            _ => {}
        }
    }

    fn find_by_certificate(&self, stream: &TlsStream<QuickAckStream>) -> Option<Arc<Caller>> {
        let certificate = stream.get_ref().1.peer_certificates()?.first()?;
        let names = tls::dns_names(certificate);
        self.callers
            .find_by_certificate(names.iter().map(String::as_str))
    }
}
