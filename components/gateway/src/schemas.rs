//! What answers look like.

use std::collections::BTreeMap;

use serde::Serialize;
use service_kit::health::Status;

/// The index of the application.
#[derive(Debug, Serialize)]
pub(crate) struct Index {
    name: &'static str,
    version: &'static str,
    services: &'static [Entry],
}

/// A service and the routes that clients use. What versions run is in `/health`.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    health: &'static str,
    routes: &'static [&'static str],
}

pub(crate) const INDEX: Index = Index {
    name: "spindle",
    version: env!("CARGO_PKG_VERSION"),
    services: &[
        Entry {
            name: "user",
            health: "/api/v1/users/health",
            routes: &[
                "POST /api/v1/users/register",
                "POST /api/v1/users/login",
                "POST /api/v1/users/logout",
                "POST /api/v1/users/password",
                "GET /api/v1/users/profile",
                "GET /api/v1/users/sessions",
                "DELETE /api/v1/users/sessions/{id}",
                "GET /api/v1/users/activities",
                "GET /api/v1/users/activities/stats",
                "GET /api/v1/users/stats/count",
                "GET /.well-known/jwks.json",
            ],
        },
        Entry {
            name: "analytics",
            health: "/api/v1/analytics/health",
            routes: &[
                "POST /api/v1/analytics/events",
                "GET /api/v1/analytics/stats",
            ],
        },
    ],
};

/// What the health of the application is made of.
#[derive(Debug, Serialize)]
pub(crate) struct Services {
    pub(crate) services: BTreeMap<&'static str, ServiceHealth>,
}

/// The health of one service.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceHealth {
    pub(crate) status: Status,
    /// The version that runs; null when it does not answer.
    pub(crate) version: Option<String>,
    /// Why there is no answer of the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}
