//! The state of the services that a component depends on. The contract is `wit/health.wit`.

mod probe;

use std::{sync::Arc, time::Duration};

pub use adapter_contract::health::{Dependency, State};
use futures_util::future::join_all;
pub use probe::{Probe, Target};
use tokio::{sync::Mutex, time::Instant};

/// How long a result is reused. A health check with every request is then cheap, and a person still sees
/// a change at once.
const REUSE: Duration = Duration::from_secs(1);

/// One component's dependencies.
#[derive(Debug, Clone)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    probes: Vec<Probe>,
    timeout: Duration,
    last: Mutex<Option<(Instant, Vec<Dependency>)>>,
}

impl Health {
    /// Asks `probes`, and waits for each at most `timeout`.
    #[must_use]
    pub fn new(probes: Vec<Probe>, timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            probes,
            timeout,
            last: Mutex::default(),
        }))
    }

    /// Checks all dependencies at once, or returns the result of the last second. Concurrent callers
    /// share one check.
    pub async fn dependencies(&self) -> Vec<Dependency> {
        let mut last = self.0.last.lock().await;
        if let Some((asked, found)) = last.as_ref()
            && asked.elapsed() < REUSE
        {
            return found.clone();
        }
        let before = last.take().map(|(_, found)| found).unwrap_or_default();
        let mut found = join_all(self.0.probes.iter().map(|probe| probe.ask(self.0.timeout))).await;
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
