//! The socket of the port, which can be replaced while the process runs.

use axum::Router;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{ManagementSettings, listener};

/// A socket for the port.
#[derive(Debug)]
pub struct Bound {
    pub(super) settings: ManagementSettings,
    /// It keeps the port open.
    pub(super) socket: std::net::TcpListener,
    /// The same, to accept connections from.
    pub(super) accepting: Option<std::net::TcpListener>,
}

impl Bound {
    pub(super) fn new(settings: &ManagementSettings) -> std::io::Result<Self> {
        let socket = std::net::TcpListener::bind(settings.address)?;
        socket.set_nonblocking(true)?;
        Self::of(&socket, settings)
    }

    /// Another handle of the socket, with other settings.
    pub(super) fn of(
        socket: &std::net::TcpListener,
        settings: &ManagementSettings,
    ) -> std::io::Result<Self> {
        Ok(Self {
            settings: settings.clone(),
            socket: socket.try_clone()?,
            accepting: Some(socket.try_clone()?),
        })
    }
}

/// Accepts connections of the latest socket until `stop`.
pub(super) async fn listen(
    mut sockets: mpsc::UnboundedReceiver<(std::net::TcpListener, usize)>,
    router: Router,
    stop: CancellationToken,
) {
    let mut next = sockets.recv().await;
    while let Some((socket, limit)) = next {
        next = match TcpListener::from_std(socket) {
            Ok(socket) => tokio::select! {
                () = listener::run(socket, router.clone(), limit, stop.clone()) => None,
                next = sockets.recv() => next,
            },
            Err(error) => {
                tracing::error!("the management port does not answer: {error}");
                tokio::select! {
                    next = sockets.recv() => next,
                    () = stop.cancelled() => None,
                }
            }
        };
    }
}
