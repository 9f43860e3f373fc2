//! What the management port shows of a running `up` or `serve`.

use std::{collections::BTreeMap, future::Future};

use adapter_capabilities::{
    documents::Store,
    health::{self, Health, State},
    outbox::Outbox,
};
use adapter_management::{
    Change, Dependency, Message, Migration, Operations, Readiness, ServedComponent,
};
use sqlx::{postgres::PgConnectOptions, types::Uuid};
use tokio::{runtime::Handle, task::JoinSet};

use super::{Invocation, database::Database, migrate};
use crate::assembly::Assembly;

/// The components and their dependencies.
pub(super) struct Running {
    health: BTreeMap<String, Health>,
    outboxes: BTreeMap<String, Outbox>,
    settings: String,
    migrations: Migrations,
    /// The runtime that opens the connections of background work. Everything that needs a connection
    /// runs there, because a connection belongs to the runtime that opened it.
    runtime: Handle,
}

/// What is needed to list the migrations.
#[derive(Clone)]
struct Migrations {
    invocation: Invocation,
    admin: PgConnectOptions,
    documents: Option<Store>,
}

impl Running {
    pub(super) fn new(invocation: &Invocation, database: &Database, assembly: &Assembly) -> Self {
        let capabilities = assembly.capabilities.iter();
        let health = capabilities.map(|(name, granted)| (name.clone(), granted.health().clone()));
        let outboxes = assembly.outboxes.iter();
        Self {
            health: health.collect(),
            outboxes: outboxes
                .map(|(name, outbox)| (name.clone(), outbox.clone()))
                .collect(),
            settings: invocation.settings.describe(),
            migrations: Migrations {
                invocation: invocation.clone(),
                admin: database.admin.clone(),
                documents: assembly.documents.clone(),
            },
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
impl Operations for Running {
    async fn readiness(&self) -> Readiness {
        let mut checks = JoinSet::new();
        for (name, health) in &self.health {
            let (name, health) = (name.clone(), health.clone());
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
        Readiness { components }
    }

    fn components(&self) -> Vec<ServedComponent> {
        Vec::new()
    }

    async fn messages(&self) -> Result<Vec<Message>, String> {
        let outboxes = self.outboxes.clone();
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
                    rejection: one.rejection,
                }));
            }
            Ok(messages)
        })
        .await
    }

    async fn change(&self, component: &str, id: &str, change: Change) -> Result<bool, String> {
        let (Some(outbox), Ok(id)) = (self.outboxes.get(component).cloned(), Uuid::parse_str(id))
        else {
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
        let Migrations {
            invocation,
            admin,
            documents,
        } = self.migrations.clone();
        self.run(async move {
            let listed = migrate::list(&invocation, &admin, documents.as_ref()).await;
            listed.map_err(|error| {
                tracing::warn!("the migrations cannot be listed: {error:#}");
                "the migrations cannot be listed; the log says why".to_owned()
            })
        })
        .await
    }

    fn settings(&self) -> String {
        self.settings.clone()
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
