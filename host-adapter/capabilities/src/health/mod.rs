//! The state of the services that a component depends on. The contract is `wit/health.wit`.

mod probe;

use std::{sync::Arc, time::Duration};

pub use adapter_contract::health::{Dependency, State};
use adapter_settings::{MINUTE, Time};
use futures_util::future::join_all;
pub use probe::{Probe, Target};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};

/// How long a result is reused. A health check with every request is then cheap, and a person still sees
/// a change within a second.
const REUSE: Duration = Duration::from_secs(1);

/// How dependencies are probed.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct HealthSettings {
    /// How long a dependency may take to answer before it counts as down. The default is below the
    /// probe timeouts of container platforms, so that the check answers even if a dependency is slow.
    #[serde(with = "Time::<10, MINUTE>")]
    pub timeout: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
        }
    }
}

/// One component's dependencies.
#[derive(Debug, Clone)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    probes: Vec<Probe>,
    settings: HealthSettings,
    last: Mutex<Option<(Instant, Vec<Dependency>)>>,
}

impl Health {
    /// Creates the health check of `probes`, with the timeout in `settings`.
    #[must_use]
    pub fn new(probes: Vec<Probe>, settings: HealthSettings) -> Self {
        Self(Arc::new(Inner {
            probes,
            settings,
            last: Mutex::default(),
        }))
    }

    /// Checks all dependencies at once, or reuses a result of the last second. Concurrent callers
    /// share one check.
    pub async fn dependencies(&self) -> Vec<Dependency> {
        let mut last = self.0.last.lock().await;
        if let Some((asked, found)) = last.as_ref()
            && asked.elapsed() < REUSE
        {
            return found.clone();
        }
        let before = last.take().map(|(_, found)| found).unwrap_or_default();
        let timeout = self.0.settings.timeout;
        let mut found = join_all(self.0.probes.iter().map(|probe| probe.ask(timeout))).await;
        for dependency in found
            .iter_mut()
            .filter(|dependency| dependency.state == State::Down)
        {
            let earlier = before
                .iter()
                .find(|earlier| earlier.name == dependency.name);
            dependency.last_answered = earlier.and_then(|earlier| earlier.last_answered.clone());
        }
        *last = Some((Instant::now(), found.clone()));
        found
    }
}
