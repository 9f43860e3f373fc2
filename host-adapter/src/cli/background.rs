//! What runs beside the requests: the delivery of messages, news of sessions that end elsewhere, and
//! connections that are to be closed.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::capabilities::{outbox::Relay, postgres::Pool, sessions::Listener};

/// Running until its `shutdown`.
pub(super) struct Background {
    tasks: JoinSet<()>,
    pools: Vec<Pool>,
}

impl Background {
    /// Starts delivering and listening.
    pub(super) fn start(
        relays: Vec<Relay>,
        sessions: Option<Listener>,
        pools: Vec<Pool>,
        shutdown: &CancellationToken,
    ) -> Self {
        let mut tasks = JoinSet::new();
        for relay in relays {
            tasks.spawn(relay.run(shutdown.clone()));
        }
        if let Some(listener) = sessions {
            tasks.spawn(listener.run(shutdown.clone()));
        }
        Self { tasks, pools }
    }

    /// Waits for deliveries in flight, at most `patience`: what is not delivered by then stays in
    /// the database, for the next start.
    pub(super) async fn finish(mut self, patience: Duration) {
        let deliveries = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(patience, deliveries).await;
        self.pools.iter().for_each(Pool::close);
    }
}
