//! What the management port shows of a running `up` or `serve`.

use std::collections::BTreeMap;

use adapter_capabilities::health::{self, Health, State};
use adapter_management::{Dependency, Operations, Readiness};
use tokio::{runtime::Handle, task::JoinSet};

use crate::assembly::Assembly;

/// The components and their dependencies.
pub(super) struct Running {
    health: BTreeMap<String, Health>,
    /// The runtime that opens the connections of background work. The checks run there, because a
    /// connection belongs to the runtime that opened it.
    runtime: Handle,
}

impl Running {
    pub(super) fn new(assembly: &Assembly) -> Self {
        let capabilities = assembly.capabilities.iter();
        let health = capabilities.map(|(name, granted)| (name.clone(), granted.health().clone()));
        Self {
            health: health.collect(),
            runtime: Handle::current(),
        }
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
