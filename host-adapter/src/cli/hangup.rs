//! SIGHUP reloads.

use std::{future::Future, io::IsTerminal as _};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Calls `reload` at each SIGHUP, one after the other, until `shutdown` is cancelled.
///
/// A terminal that is closed sends SIGHUP, too. A program that was started in a terminal stops then, so
/// that it does not go on serving unseen.
pub(super) async fn run<F: Future<Output = ()>>(
    shutdown: CancellationToken,
    reload: impl Fn() -> F,
) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let had_terminal = std::io::stderr().is_terminal();
    while hangup.recv().await.is_some() {
        if had_terminal && !std::io::stderr().is_terminal() {
            shutdown.cancel();
            break;
        }
        reload().await;
    }
    Ok(())
}
