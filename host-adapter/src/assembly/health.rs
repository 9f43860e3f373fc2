//! What each component depends on.

use super::{Builder, Shared, documents::DOCUMENTS};
use crate::config;
use adapter_capabilities::{
    health::{Health, Probe, Target},
    postgres::Postgres,
};

impl Builder<'_> {
    pub(super) fn health(
        &self,
        grants: &config::Grants,
        postgres: Option<&Postgres>,
        shared: &Shared,
    ) -> Health {
        let mut probes = Vec::new();
        if let Some(postgres) = postgres {
            let target = Target::Postgres(postgres.pool().clone());
            probes.push(Probe {
                name: "postgres".into(),
                target,
                needed: true,
            });
        }
        if let Some(store) = shared
            .documents
            .as_ref()
            .filter(|_| !grants.collections.is_empty())
        {
            probes.push(Probe {
                name: DOCUMENTS.into(),
                target: store.target(),
                // A component with PostgreSQL keeps its essential data there.
                needed: !grants.postgres,
            });
        }
        for peer in &grants.peers {
            probes.push(Probe {
                name: peer.clone(),
                target: Target::Peer(shared.peers.clone()),
                needed: false,
            });
        }
        Health::new(probes, self.settings.health)
    }
}
