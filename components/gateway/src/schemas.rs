//! The schemas of answers.

use std::collections::BTreeMap;

use serde::Serialize;
use service_kit::description::Route;
use service_kit::health::Status;

/// The index of the application.
#[derive(Debug, Serialize)]
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) services: Vec<Entry>,
}

/// A service and its routes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The running version; null if the service does not describe itself.
    pub(crate) version: Option<String>,
    /// Where the service reports its health.
    pub(crate) health: String,
    pub(crate) routes: Vec<Route>,
    /// Why the service does not describe itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

/// What the health of the application is made of.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Services {
    pub(crate) services: BTreeMap<String, ServiceHealth>,
}

/// The health of one service.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceHealth {
    pub(crate) status: Status,
    /// The running version; null if the service does not answer.
    pub(crate) version: Option<String>,
    /// Why the service did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}
