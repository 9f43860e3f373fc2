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
pub struct Health {
    probes: Arc<[Probe]>,
    settings: HealthSettings,
    /// Shared by all threads, so that they share one check as well.
    last: Arc<Mutex<LastCheck>>,
}

/// When the dependencies were checked last, and the result.
type LastCheck = Option<(Instant, Vec<Dependency>)>;

impl Health {
    /// Creates the health check of `probes`, with the timeout in `settings`.
    #[must_use]
    pub fn new(probes: Vec<Probe>, settings: HealthSettings) -> Self {
        Self {
            probes: probes.into(),
            settings,
            last: Arc::default(),
        }
    }

    /// The same for the serving thread `number`, with connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        let probes = self.probes.iter().map(|probe| probe.on_thread(number));
        Self {
            probes: probes.collect(),
            ..self.clone()
        }
    }

    /// Checks all dependencies at once, or reuses a result of the last second. Concurrent callers
    /// share one check.
    pub async fn dependencies(&self) -> Vec<Dependency> {
        let mut last = self.last.lock().await;
        if let Some((asked, found)) = last.as_ref()
            && asked.elapsed() < REUSE
        {
            return found.clone();
        }
        let before = last.take().map(|(_, found)| found).unwrap_or_default();
        let timeout = self.settings.timeout;
        let mut found = join_all(self.probes.iter().map(|probe| probe.ask(timeout))).await;
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
