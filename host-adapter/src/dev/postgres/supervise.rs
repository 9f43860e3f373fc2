//! Starts a server again that was killed, so that `up` goes on without its user.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::cluster::Cluster;
use super::errors::DevError;
use super::{Options, ensure_running, lock_changes};

/// Pause between checks. A check reads two small files.
const INTERVAL: Duration = Duration::from_secs(1);

/// Pause after a start that failed, which takes long and is logged as an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(15);

/// The task that looks after one cluster. It ends when this is dropped.
pub(super) struct Supervisor {
    task: JoinHandle<()>,
    shutdown: DropGuard,
}

impl Supervisor {
    pub(super) fn start(cluster: Arc<Cluster>, options: Options) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(supervise(cluster, options, shutdown.clone()));
        Self {
            task,
            shutdown: shutdown.drop_guard(),
        }
    }

    /// Ends the task. A start in progress is finished first, because its server would be left otherwise.
    pub(super) async fn stop(self) {
        drop(self.shutdown);
        // A task that has panicked does not start a server any more.
        let _ = self.task.await;
    }
}

async fn supervise(cluster: Arc<Cluster>, options: Options, shutdown: CancellationToken) {
    let mut pause = INTERVAL;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
        pause = INTERVAL;
        if cluster.is_running().await {
            continue;
        }
        match restart(&cluster, &options).await {
            Ok(()) => tracing::warn!("the private PostgreSQL had stopped and was started again"),
            Err(error) => {
                tracing::error!("the private PostgreSQL has stopped and does not start: {error}");
                pause = RETRY_INTERVAL;
            }
        }
    }
}

async fn restart(cluster: &Cluster, options: &Options) -> Result<(), DevError> {
    let _change = lock_changes(&cluster.directory).await?;
    ensure_running(cluster, options).await?;
    Ok(())
}
