//! `spindle:adapter/health`.

use super::{host_functions, wit::health as wit};
use crate::capabilities::{Capabilities, health as native};
use time::format_description::well_known::Rfc3339;

host_functions! {
    wit;
    fn dependencies() -> Vec<wit::Dependency>;
}

pub(crate) async fn dependencies(capabilities: &Capabilities) -> Vec<wit::Dependency> {
    capabilities
        .health()
        .dependencies()
        .await
        .into_iter()
        .map(Into::into)
        .collect()
}

impl From<native::Dependency> for wit::Dependency {
    fn from(dependency: native::Dependency) -> Self {
        Self {
            name: dependency.name,
            kind: dependency.kind.to_owned(),
            state: if dependency.up {
                wit::State::Up
            } else {
                wit::State::Down
            },
            needed: dependency.needed,
            latency_microseconds: dependency
                .latency
                .map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)),
            last_answered: dependency
                .last_answered
                .and_then(|moment| moment.format(&Rfc3339).ok()),
        }
    }
}
