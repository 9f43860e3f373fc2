//! `/health`: whether the service can do its work, and what it depends on.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::adapter::health::{self, Dependency, State};
use crate::answer::json;
use crate::{clock, exchange};

/// How well something works, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It works.
    Healthy,
    /// It works, but a dependency that it does not need is down.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// The body of a health answer. It does not use the success format, which is newer.
#[derive(Debug, Serialize)]
pub struct Report<T> {
    /// The service as a whole.
    pub status: Status,
    /// Its name.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The time of the report, as RFC 3339 text in UTC.
    pub timestamp: String,
    /// The health of the parts that determine the status.
    #[serde(flatten)]
    pub parts: T,
}

#[derive(Serialize)]
struct Dependencies {
    dependencies: BTreeMap<String, Entry>,
}

#[derive(Serialize)]
struct Entry {
    kind: String,
    status: &'static str,
    needed: bool,
    latency_ms: Option<f64>,
    last_answered: Option<String>,
}

/// Handler: asks every dependency. 503 when one that is needed is down, else 200.
pub async fn handler() -> Response {
    let dependencies = health::dependencies().await;
    let status = overall(&dependencies);
    let entries = dependencies.into_iter().map(entry).collect();
    report(
        status,
        Dependencies {
            dependencies: entries,
        },
    )
}

/// A health answer of the running service: 503 if `status` is unhealthy, else 200.
pub fn report(status: Status, parts: impl Serialize) -> Response {
    let exchange = exchange::current();
    let body = Report {
        status,
        service: exchange.as_ref().map_or("", |exchange| exchange.name),
        version: exchange.as_ref().map_or("", |exchange| exchange.version),
        timestamp: clock::now(),
        parts,
    };
    let code = match status {
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        Status::Healthy | Status::Degraded => StatusCode::OK,
    };
    json(code, &body, true)
}

fn overall(dependencies: &[Dependency]) -> Status {
    let mut down = dependencies
        .iter()
        .filter(|one| one.state == State::Down)
        .peekable();
    if down.peek().is_none() {
        Status::Healthy
    } else if down.any(|one| one.needed) {
        Status::Unhealthy
    } else {
        Status::Degraded
    }
}

fn entry(dependency: Dependency) -> (String, Entry) {
    let entry = Entry {
        kind: dependency.kind,
        status: match dependency.state {
            State::Up => "up",
            State::Down => "down",
        },
        needed: dependency.needed,
        latency_ms: dependency.latency_microseconds.map(milliseconds),
        last_answered: dependency.last_answered,
    };
    (dependency.name, entry)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 microseconds, which is 285 years"
)]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(state: State, needed: bool) -> Dependency {
        Dependency {
            name: "postgres".to_owned(),
            kind: "postgresql".to_owned(),
            state,
            needed,
            latency_microseconds: Some(1500),
            last_answered: None,
        }
    }

    #[test]
    fn only_a_needed_dependency_makes_unhealthy() {
        let up = dependency(State::Up, true);
        let optional = dependency(State::Down, false);
        let needed = dependency(State::Down, true);
        assert_eq!(overall(&[]), Status::Healthy);
        assert_eq!(overall(std::slice::from_ref(&up)), Status::Healthy);
        assert_eq!(overall(&[up, optional.clone()]), Status::Degraded);
        assert_eq!(overall(&[optional, needed]), Status::Unhealthy);
    }

    #[test]
    fn latency_is_given_in_milliseconds() {
        let (_, entry) = entry(dependency(State::Up, true));
        assert_eq!(entry.latency_ms, Some(1.5));
    }
}
