//! The schemas of answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use service_kit::description::Route;
use service_kit::health::Status;
use service_kit::openapi::Schema;
use service_kit::problem::Kind;

/// The index of the application.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Index {
    #[example("spindle")]
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) services: Vec<Entry>,
}

/// A service and its routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Entry {
    #[example("user")]
    pub(crate) name: String,
    /// The running version; null if the service does not describe itself.
    pub(crate) version: Option<String>,
    /// Where the service reports its health.
    #[example("/services/user/health")]
    pub(crate) health: String,
    pub(crate) routes: Vec<Route>,
    /// Why the service does not describe itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

/// The health of each service.
#[derive(Debug, Default, Serialize, Schema)]
pub(crate) struct Services {
    #[example(serde_json::json!({"user": {"status": "healthy", "version": "0.1.0"}}))]
    pub(crate) services: BTreeMap<String, ServiceHealth>,
}

/// The health of one service.
#[derive(Debug, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct ServiceHealth {
    pub(crate) status: Status,
    /// The running version; null if the service does not answer.
    pub(crate) version: Option<String>,
    /// Why the service did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

/// A kind of problem, as its page explains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) struct ProblemKind {
    #[example(404)]
    pub(crate) status: u32,
    /// The last part of `type`.
    #[example("not-found")]
    pub(crate) name: String,
    #[example("Not found")]
    pub(crate) title: String,
    /// What it means.
    #[example("There is nothing at this path.")]
    pub(crate) detail: String,
    /// What a client should do.
    #[example("Check the path.")]
    pub(crate) remedy: String,
}

impl From<&Kind> for ProblemKind {
    fn from(kind: &Kind) -> Self {
        Self {
            status: kind.status.into(),
            name: kind.name.to_owned(),
            title: kind.title.to_owned(),
            detail: kind.detail.to_owned(),
            remedy: kind.remedy.to_owned(),
        }
    }
}
