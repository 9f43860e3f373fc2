//! The signals that stop a command.

use std::time::Duration;

use adapter_listening::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns what is cancelled at the first Ctrl-C or SIGTERM. After SIGTERM, which comes from a platform, the
/// shutdown follows after `drain_delay`, which may change until then. A person at a terminal does not wait for it, and a second signal ends
/// it.
pub(super) fn shutdown_signal(
    drain_delay: impl Fn() -> Duration + Send + 'static,
) -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let cancel = stop.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let terminated = either(&mut terminate, &mut interrupt).await;
        let drain_delay = drain_delay();
        let drains = terminated && !drain_delay.is_zero();
        cancel.draining.cancel();
        if drains {
            tracing::info!("not ready any more; accepting requests for another {drain_delay:?}");
            let again = either(&mut terminate, &mut interrupt);
            let _ = tokio::time::timeout(drain_delay, again).await;
        }
        tracing::info!("stopping after the requests in flight");
        cancel.shutdown.cancel();
    });
    Ok(stop)
}

/// Returns at the next signal, and whether it was the first one.
async fn either(one: &mut Signal, other: &mut Signal) -> bool {
    tokio::select! {
        _ = one.recv() => true,
        _ = other.recv() => false,
    }
}
