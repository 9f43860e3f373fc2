//! `/health`: whether the service can do its work, and what it depends on.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::adapter::health::{self, Dependency, State};
use crate::answer::{Prepared, write_json};
use crate::openapi::{Describe, Operation, Properties, Property, Schema};
use crate::{Failure, Shared, clock, exchange};

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

/// What the health of a service is made of.
#[derive(Debug, Serialize, Schema)]
pub struct Dependencies {
    dependencies: BTreeMap<String, Entry>,
}

/// What a service depends on.
#[derive(Debug, Serialize, Schema)]
struct Entry {
    #[example("postgresql")]
    kind: String,
    #[example("up")]
    status: &'static str,
    /// Whether the service is unhealthy while it is down.
    needed: bool,
    latency_ms: Option<f64>,
    #[example("2026-01-31T12:00:00Z")]
    last_answered: Option<String>,
}

thread_local! {
    /// Anyone may ask for the health as often as they like, so requests share it.
    static HEALTH: Shared<Prepared<Report<Dependencies>>, Failure> = const { Shared::new() };
}

/// Handler: the health of every dependency, up to a second old. Answers 503 if a needed one is down, and otherwise 200.
pub async fn handler() -> crate::Result<Prepared<Report<Dependencies>>> {
    let health = Shared::read(&HEALTH, check).await?;
    Ok(Prepared::clone(&health.value))
}

async fn check() -> Result<Prepared<Report<Dependencies>>, Failure> {
    let dependencies = health::dependencies().await;
    let status = overall(&dependencies);
    let dependencies = dependencies.into_iter().map(entry).collect();
    let report = report(status, Dependencies { dependencies });
    Prepared::write(report.code(), &report, true)
}

/// Creates the health answer of the running service: 503 if `status` is unhealthy, and otherwise 200.
pub fn report<T>(status: Status, parts: T) -> Report<T> {
    let exchange = exchange::current();
    Report {
        status,
        service: exchange.as_ref().map_or("", |exchange| exchange.name),
        version: exchange.as_ref().map_or("", |exchange| exchange.version),
        timestamp: clock::now(),
        parts,
    }
}

impl<T> Report<T> {
    fn code(&self) -> StatusCode {
        match self.status {
            Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
            Status::Healthy | Status::Degraded => StatusCode::OK,
        }
    }
}

impl<T: Serialize> IntoResponse for Report<T> {
    fn into_response(self) -> Response {
        write_json(self.code(), &self, true)
    }
}

impl Schema for Status {
    fn schema() -> Value {
        json!({"type": "string", "enum": ["healthy", "degraded", "unhealthy"]})
    }
}

impl<T: Schema> Describe for Report<T> {
    fn describe(operation: &mut Operation) {
        for status in [200, 503] {
            let mut report = Properties::default();
            report.title("Health", "How well a service works.");
            report.add(Property::new("status", Status::schema()));
            report.add(Property::new("service", String::schema()).example("user"));
            report.add(Property::new("version", String::schema()).example("0.1.0"));
            let timestamp = json!({"type": "string", "format": "date-time"});
            report.add(Property::new("timestamp", timestamp));
            report.flatten(&T::schema());
            operation.answers_with(status, "application/json", report.into_schema());
        }
    }
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
