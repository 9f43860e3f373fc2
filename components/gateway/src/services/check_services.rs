//! The health of every service.

use futures_util::future::join_all;
use serde::Deserialize;
use service_kit::description::health_path;
use service_kit::health::Status;
use service_kit::peers;

use super::ask_service;
use crate::schemas::{ServiceHealth, Services};

/// Returns the worst status of all services, and the health of each. All are asked concurrently.
pub(crate) async fn check_services() -> (Status, Services) {
    let names = match peers::granted().await {
        Ok(names) => names,
        Err(problem) => {
            tracing::warn!("could not list the services: {problem}");
            return (Status::Unhealthy, Services::default());
        }
    };
    let checks = names.into_iter().map(async |name| {
        let health = judge(ask_service(&name, &health_path(&name)).await);
        (name, health)
    });
    let services = Services {
        services: join_all(checks).await.into_iter().collect(),
    };
    (worst(&services), services)
}

/// The part of a service's health answer that is passed on.
#[derive(Deserialize)]
struct Report {
    status: Status,
    version: String,
}

fn judge(report: Result<Report, &'static str>) -> ServiceHealth {
    match report {
        Ok(Report { status, version }) => ServiceHealth {
            status,
            version: Some(version),
            reason: None,
        },
        Err(reason) => ServiceHealth {
            status: Status::Unhealthy,
            version: None,
            reason: Some(reason),
        },
    }
}

fn worst(services: &Services) -> Status {
    let states = services.services.values().map(|health| health.status);
    states.max().unwrap_or(Status::Healthy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_passed_on() {
        let report = r#"{"status": "degraded", "service": "user", "version": "1.2.3"}"#;
        let health = judge(Ok(serde_json::from_str(report).unwrap()));
        assert_eq!(health.status, Status::Degraded);
        assert_eq!(health.version.as_deref(), Some("1.2.3"));
        assert_eq!(health.reason, None);
    }

    #[test]
    fn a_service_that_does_not_report_is_unhealthy() {
        let health = judge(Err("it does not answer in time"));
        assert_eq!(health.status, Status::Unhealthy);
        assert!(health.reason.is_some());
    }

    #[test]
    fn the_state_of_all_is_that_of_the_worst() {
        let of = |status| {
            let health = ServiceHealth {
                status,
                ..judge(Err("x"))
            };
            (format!("{status:?}"), health)
        };
        let all = |states: &[Status]| Services {
            services: states.iter().copied().map(of).collect(),
        };
        use Status::{Degraded, Healthy, Unhealthy};
        assert_eq!(worst(&all(&[])), Healthy);
        assert_eq!(worst(&all(&[Healthy, Degraded])), Degraded);
        assert_eq!(worst(&all(&[Unhealthy, Degraded, Healthy])), Unhealthy);
    }
}
