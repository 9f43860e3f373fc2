//! How an operator reaches a running command: by the control socket and by SIGHUP.

use std::{future::Future, path::Path};

use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::hangup;
use crate::control::{Handler, Socket};

/// Starts to answer, in `tasks`, and returns the task of the control socket. A socket that cannot be bound does not keep the command from serving: tests
/// and people run several in one project, on other ports, and SIGHUP works without it.
pub(super) async fn start<F: Future<Output = ()> + Send + 'static>(
    tasks: &mut JoinSet<()>,
    socket: &Path,
    handler: Handler,
    shutdown: &CancellationToken,
    reload: impl Fn() -> F + Send + Sync + 'static,
) -> Option<AbortHandle> {
    let control = match Socket::bind(socket).await {
        Ok(socket) => Some(tasks.spawn(socket.serve(handler))),
        Err(error) => {
            tracing::warn!(
                "`host-adapter reload` and `components` do not reach this process: {error:#}; set `control.socket` to another path"
            );
            None
        }
    };
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        if let Err(error) = hangup::run(shutdown, reload).await {
            tracing::warn!("SIGHUP does not reload: {error:#}");
        }
    });
    control
}
