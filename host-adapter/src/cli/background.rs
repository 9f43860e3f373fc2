//! What runs beside the requests: the delivery of messages, news of sessions that end elsewhere, and
//! connections that are to be closed.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::assembly::Assembly;

/// Running until its `shutdown`.
pub(super) struct Background {
    tasks: JoinSet<()>,
    assembly: Assembly,
}

impl Background {
    /// Starts delivering and listening.
    pub(super) fn start(mut assembly: Assembly, shutdown: &CancellationToken) -> Self {
        let mut tasks = JoinSet::new();
        for relay in std::mem::take(&mut assembly.relays) {
            tasks.spawn(relay.run(shutdown.clone()));
        }
        if let Some(listener) = assembly.sessions.take() {
            tasks.spawn(listener.run(shutdown.clone()));
        }
        Self { tasks, assembly }
    }

    /// Waits at most `timeout` for deliveries in flight. A message that is not delivered by then stays in
    /// the database, for the next start.
    pub(super) async fn finish(mut self, timeout: Duration) {
        let tasks = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(timeout, tasks).await;
        self.assembly.close().await;
    }
}
