//! What runs beside the requests: the delivery of messages, news of sessions that end elsewhere and of keys,
//! and connections that are to be closed.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::Mutex, task::JoinSet};
use tokio_util::sync::CancellationToken;

use adapter_capabilities::{documents::Store, health::Health, outbox::Outbox};

use crate::assembly::Assembly;

/// Running until its `shutdown`. Other grants replace it.
pub(super) struct Background {
    shutdown: CancellationToken,
    work: Mutex<Work>,
}

/// The work for one assembly.
struct Work {
    /// Each returns the number of messages that it handed back.
    tasks: JoinSet<usize>,
    stop: CancellationToken,
    assembly: Assembly,
}

impl Background {
    /// Starts delivering and listening.
    pub(super) fn start(assembly: Assembly, shutdown: &CancellationToken) -> Self {
        Self {
            shutdown: shutdown.clone(),
            work: Mutex::new(Work::start(assembly, shutdown)),
        }
    }

    /// The document store in use.
    pub(super) async fn documents(&self) -> Option<Store> {
        self.work.lock().await.assembly.documents.clone()
    }

    /// What each component depends on.
    pub(super) async fn health(&self) -> BTreeMap<String, Health> {
        let work = self.work.lock().await;
        let capabilities = work.assembly.capabilities.iter();
        let health = capabilities.map(|(name, granted)| (name.clone(), granted.health().clone()));
        health.collect()
    }

    /// The outbox of each component that sends messages.
    pub(super) async fn outboxes(&self) -> BTreeMap<String, Outbox> {
        let work = self.work.lock().await;
        let outboxes = work.assembly.outboxes.iter();
        outboxes
            .map(|(name, outbox)| (name.clone(), outbox.clone()))
            .collect()
    }

    /// Goes on with another assembly. The connections of the previous one are closed after `grace`, when
    /// the requests that use them have ended.
    pub(super) async fn replace(&self, assembly: Assembly, grace: Duration) {
        let mut work = self.work.lock().await;
        let previous = std::mem::replace(&mut *work, Work::start(assembly, &self.shutdown));
        drop(work);
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            previous.stop.cancel();
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = shutdown.cancelled() => {}
            }
            previous.finish(grace).await;
        });
    }

    /// Waits at most `timeout` for deliveries in flight. A message that is not delivered by then stays in
    /// the database, for another adapter or the next start. Returns how many the relays handed back.
    pub(super) async fn finish(&self, timeout: Duration) -> usize {
        let mut work = self.work.lock().await;
        let handed_back = work.finish_tasks(timeout).await;
        work.assembly.close().await;
        handed_back
    }
}

impl Work {
    fn start(mut assembly: Assembly, shutdown: &CancellationToken) -> Self {
        let stop = shutdown.child_token();
        let mut tasks = JoinSet::new();
        for relay in std::mem::take(&mut assembly.relays) {
            tasks.spawn(relay.run(stop.clone()));
        }
        if let Some(listener) = assembly.sessions.take() {
            tasks.spawn(without_messages(listener.run(stop.clone())));
        }
        if let Some(keys) = assembly.keys.take() {
            tasks.spawn(without_messages(keys.run(stop.clone())));
        }
        Self {
            tasks,
            stop,
            assembly,
        }
    }

    async fn finish_tasks(&mut self, timeout: Duration) -> usize {
        let mut handed_back = 0;
        let tasks = async {
            while let Some(ended) = self.tasks.join_next().await {
                handed_back += ended.unwrap_or_default();
            }
        };
        let _ = tokio::time::timeout(timeout, tasks).await;
        handed_back
    }

    async fn finish(mut self, timeout: Duration) {
        self.finish_tasks(timeout).await;
        self.assembly.close().await;
    }
}

/// A task that has no messages to hand back.
async fn without_messages(task: impl Future<Output = ()>) -> usize {
    task.await;
    0
}
