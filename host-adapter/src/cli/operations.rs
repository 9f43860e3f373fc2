//! What the management port shows of a running `up` or `serve`.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use adapter_capabilities::{
    health::{self, State},
    outbox::Depth,
};
use adapter_management::{
    Change, Dependency, Message, Migration, Operations, OutboxDepth, Readiness, Reload,
    ServedComponent,
};
use sqlx::{postgres::PgConnectOptions, types::Uuid};
use tokio::{runtime::Handle, task::JoinSet};

use super::{
    Current,
    background::Background,
    components, migrate,
    reloader::{Notice, Reloader},
    remote_components::RemoteComponents,
    run::Running,
};

/// The running process. A reload may replace its settings and connections, so they are looked up each time.
pub(super) struct ProcessOperations {
    current: Current,
    admin: PgConnectOptions,
    background: Arc<Background>,
    /// `None` if another process hosts the components.
    reloader: Option<Reloader>,
    /// What that process says of them.
    remote: Arc<RemoteComponents>,
    /// The runtime that opens the connections of background work. Everything that needs a connection
    /// runs there, because a connection belongs to the runtime that opened it.
    runtime: Handle,
}

impl ProcessOperations {
    pub(super) fn new(running: &Running, reloader: Option<Reloader>) -> Self {
        Self {
            current: running.current.clone(),
            admin: running.admin.clone(),
            background: running.background.clone(),
            reloader,
            remote: Arc::default(),
            runtime: Handle::current(),
        }
    }

    /// Runs `work` where the connections are.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, String>> + Send + 'static,
    ) -> Result<T, String> {
        let done = self.runtime.spawn(work).await;
        done.unwrap_or_else(|_| Err("the process is stopping".to_owned()))
    }
}

#[async_trait::async_trait]
impl Operations for ProcessOperations {
    async fn readiness(&self) -> Readiness {
        let mut checks = JoinSet::new();
        for (name, health) in self.background.health().await {
            let check = async move { (name, health.dependencies().await) };
            checks.spawn_on(check, &self.runtime);
        }
        let mut components = BTreeMap::new();
        while let Some(checked) = checks.join_next().await {
            // A check does not panic; the runtime ends only with the process.
            if let Ok((name, found)) = checked {
                components.insert(name, found.into_iter().map(dependency).collect());
            }
        }
        let outboxes = self.background.outboxes().await.into_iter();
        let depths = outboxes.filter_map(|(name, outbox)| Some((name, outbox.depth()?)));
        Readiness {
            components,
            outboxes: depths
                .map(|(name, depth)| (name, described(depth)))
                .collect(),
        }
    }

    async fn components(&self) -> Vec<ServedComponent> {
        let Some(reloader) = &self.reloader else {
            let application = self.current.get().settings.server.application.clone();
            let remote = self.remote.clone();
            let list = async move { Ok(remote.list(&application).await) };
            return self.run(list).await.unwrap_or_default();
        };
        let components = reloader.components().into_iter();
        components
            .map(|served| ServedComponent {
                name: served.id,
                application: served.listener,
                version: served.version.unwrap_or_default(),
                digest: Some(served.digest),
                since: served.since,
            })
            .collect()
    }

    fn reloads(&self) -> Vec<Reload> {
        let notices = self.reloader.as_ref().map(Reloader::notices);
        notices.into_iter().flatten().map(reload).collect()
    }

    async fn messages(&self) -> Result<Vec<Message>, String> {
        let outboxes = self.background.outboxes().await;
        self.run(async move {
            let mut messages = Vec::new();
            for (component, outbox) in outboxes {
                let listed = outbox.list().await;
                let listed = listed.map_err(|error| error.to_string())?;
                messages.extend(listed.into_iter().map(|one| Message {
                    component: component.clone(),
                    id: one.id.to_string(),
                    peer: one.peer,
                    path: one.path,
                    created: one.created,
                    attempts: one.attempts,
                    dead: one.dead,
                    failure: one.failure,
                }));
            }
            Ok(messages)
        })
        .await
    }

    async fn change(&self, component: &str, id: &str, change: Change) -> Result<bool, String> {
        let mut outboxes = self.background.outboxes().await;
        let (Some(outbox), Ok(id)) = (outboxes.remove(component), Uuid::parse_str(id)) else {
            return Ok(false);
        };
        self.run(async move {
            let changed = match change {
                Change::Retry => outbox.retry(id).await,
                Change::Discard => outbox.discard(id).await,
            };
            changed.map_err(|error| error.to_string())
        })
        .await
    }

    async fn migrations(&self) -> Result<Vec<Migration>, String> {
        let (invocation, admin) = (self.current.get(), self.admin.clone());
        let documents = self.background.documents().await;
        let list = move || {
            let listed = migrate::list(&invocation, &admin, documents.as_ref());
            Handle::current().block_on(listed)
        };
        // On a thread of its own, because sqlx's migrations cannot move between threads.
        let listed = self.runtime.spawn_blocking(list).await;
        let listed = listed.map_err(|_| "the process is stopping".to_owned())?;
        listed.map_err(|error| {
            tracing::warn!("the migrations cannot be listed: {error:#}");
            "the migrations cannot be listed; the log says why".to_owned()
        })
    }

    fn settings(&self) -> String {
        self.current.get().settings.describe()
    }
}

fn described(depth: Depth) -> OutboxDepth {
    OutboxDepth {
        waiting: depth.waiting,
        dead: depth.dead,
        oldest_age_seconds: depth.oldest.as_secs(),
    }
}

fn reload(notice: Notice) -> Reload {
    let (succeeded, text) = match notice.result {
        Ok(reloaded) => (
            !reloaded.report.has_rejections(),
            components::describe(&reloaded),
        ),
        Err(reason) => (false, reason),
    };
    Reload {
        at: notice.at,
        trigger: notice.trigger,
        component: notice.component,
        succeeded,
        text,
    }
}

fn dependency(found: health::Dependency) -> Dependency {
    Dependency {
        up: found.state == State::Up,
        name: found.name,
        needed: found.needed,
        latency_microseconds: found.latency_microseconds,
        last_answered: found.last_answered,
    }
}
