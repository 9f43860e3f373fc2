//! The health of every service, asked all at once.

use std::collections::BTreeMap;

use futures_util::future::join;
use serde::Deserialize;
use service_kit::adapter::dispatch::{Error, Response};
use service_kit::health::Status;
use service_kit::peers;

use crate::schemas::{ServiceHealth, Services};

/// Twice as long as a service may take to ask its own dependencies (`health.timeout`), since an
/// attempt gets half of it.
const DEADLINE_MILLISECONDS: u32 = 4000;

/// The state of each service, and of all of them: that of the worst.
pub(crate) async fn check_services() -> (Status, Services) {
    let (user, analytics) = join(
        check("user", "/api/v1/users/health"),
        check("analytics", "/api/v1/analytics/health"),
    )
    .await;
    let status = user.status.max(analytics.status);
    let services = BTreeMap::from([("user", user), ("analytics", analytics)]);
    (status, Services { services })
}

async fn check(peer: &str, path: &str) -> ServiceHealth {
    let answer = peers::get(peer, path, DEADLINE_MILLISECONDS).await;
    let health = judge(answer);
    if let Some(reason) = health.reason {
        tracing::warn!(peer, reason, "a service is not healthy");
    }
    health
}

/// The part of a service's health answer that is passed on.
#[derive(Deserialize)]
struct Report {
    status: Status,
    version: String,
}

fn judge(answer: Result<Response, Error>) -> ServiceHealth {
    let reason = match answer {
        Ok(answer) => match serde_json::from_str(&answer.body) {
            Ok(Report { status, version }) => {
                let (version, reason) = (Some(version), None);
                return ServiceHealth {
                    status,
                    version,
                    reason,
                };
            }
            Err(_) => "it answers, but not with a health report",
        },
        Err(Error::Unavailable(_)) => "it cannot be reached, or says that it is unhealthy",
        Err(Error::Timeout) => "it does not answer in time",
        Err(_) => "it may not be asked, or its answer cannot be read",
    };
    ServiceHealth {
        status: Status::Unhealthy,
        version: None,
        reason: Some(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> ServiceHealth {
        let body = body.to_owned();
        judge(Ok(Response { status, body }))
    }

    #[test]
    fn a_report_is_passed_on() {
        let health = of(
            200,
            r#"{"status": "degraded", "service": "user", "version": "1.2.3"}"#,
        );
        assert_eq!(health.status, Status::Degraded);
        assert_eq!(health.version.as_deref(), Some("1.2.3"));
        assert_eq!(health.reason, None);
    }

    #[test]
    fn a_service_that_does_not_report_is_unhealthy() {
        for health in [of(404, "{}"), of(200, ""), judge(Err(Error::Timeout))] {
            assert_eq!(health.status, Status::Unhealthy);
            assert!(health.reason.is_some());
        }
    }

    #[test]
    fn the_worst_state_is_the_greatest() {
        assert!(Status::Unhealthy > Status::Degraded && Status::Degraded > Status::Healthy);
    }
}
