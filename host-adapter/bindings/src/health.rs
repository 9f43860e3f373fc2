//! `spindle:adapter/health`.

use adapter_contract::health::{Dependency, Functions};

use crate::Component;

#[async_trait::async_trait]
impl Functions for Component {
    async fn dependencies(&self) -> Vec<Dependency> {
        self.0.health().dependencies().await
    }
}
