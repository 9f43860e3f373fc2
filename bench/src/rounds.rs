//! Measures routes of hosts in rounds. Machines are noisy, so hosts take turns within a round, and only
//! measurements of one round are compared with each other.

use crate::{hosts::Host, lab::Lab, load::Outcome, note, routes::Route};

/// One route of one host in one round.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) round: u32,
    /// The place of the host in the list.
    pub(crate) host: usize,
    pub(crate) route: Route,
    pub(crate) rate: f64,
    /// Microseconds of processor time of the host's processes, per request.
    pub(crate) processor: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// KiB, at the end of the measurement.
    pub(crate) memory: f64,
    /// Requests a second of what was sent at the same time.
    pub(crate) background: Option<f64>,
}

pub(crate) struct Plan<'a> {
    pub(crate) hosts: &'a [Host],
    pub(crate) routes: Vec<Route>,
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
}

impl Plan<'_> {
    pub(crate) async fn run(&self, lab: &Lab) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for round in 1..=self.rounds {
            note(&format!("round {round} of {}", self.rounds));
            for route in &self.routes {
                for (index, host) in self.hosts.iter().enumerate() {
                    if host.kind.serves(*route) {
                        let mut sample = measure(lab, host, *route, self.seconds).await?;
                        (sample.round, sample.host) = (round, index);
                        samples.push(sample);
                    }
                }
            }
        }
        Ok(samples)
    }
}

/// How long a host answers before it is measured, in seconds. A host that was idle begins with instances to start and
/// with shared answers that are too old.
const WARM_UP: u32 = 1;

async fn measure(lab: &Lab, host: &Host, route: Route, seconds: u32) -> anyhow::Result<Sample> {
    route.load(host, WARM_UP).run(&lab.directory).await?;
    let processes = host.processes();
    let load = route.load(host, seconds);
    let before = processes.processor_time();
    let (outcome, background) = match route.background(host, seconds) {
        None => (load.run(&lab.directory).await?, None),
        Some(background) => {
            let both = (load.run(&lab.directory), background.run(&lab.directory));
            let (outcome, background) = tokio::try_join!(both.0, both.1)?;
            check(host, Route::Event, &background)?;
            (outcome, Some(background))
        }
    };
    let used = processes.processor_time().saturating_sub(before);
    check(host, route, &outcome)?;
    let requests = outcome.requests + background.map_or(0, |background| background.requests);
    Ok(Sample {
        round: 0,
        host: 0,
        route,
        rate: outcome.rate(),
        processor: used as f64 / requests.max(1) as f64,
        p50: outcome.p50 as f64,
        p99: outcome.p99 as f64,
        memory: processes.memory() as f64,
        background: background.map(|background| background.rate()),
    })
}

/// Failed requests may be faster than others, and a host without an answer has no latency. So a few failures are told,
/// and a measurement that is mostly of failures is an error.
fn check(host: &Host, route: Route, outcome: &Outcome) -> anyhow::Result<()> {
    let (failed, requests) = (outcome.failed, outcome.requests);
    let (route, host) = (route.title(), host.label());
    anyhow::ensure!(
        failed.saturating_mul(2) < requests,
        "{route} of {host}: {failed} of {requests} requests failed"
    );
    if failed > 0 {
        note(&format!(
            "{route} of {host}: {failed} of {requests} requests failed"
        ));
    }
    Ok(())
}
