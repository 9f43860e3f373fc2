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
    tasks: JoinSet<()>,
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
    /// the database, for the next start.
    pub(super) async fn finish(&self, timeout: Duration) {
        let mut work = self.work.lock().await;
        work.finish_tasks(timeout).await;
        work.assembly.close().await;
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
            tasks.spawn(listener.run(stop.clone()));
        }
        if let Some(keys) = assembly.keys.take() {
            tasks.spawn(keys.run(stop.clone()));
        }
        Self {
            tasks,
            stop,
            assembly,
        }
    }

    async fn finish_tasks(&mut self, timeout: Duration) {
        let tasks = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(timeout, tasks).await;
    }

    async fn finish(mut self, timeout: Duration) {
        self.finish_tasks(timeout).await;
        self.assembly.close().await;
    }
}
