//! What a service says about itself: its routes at `/services/<name>/routes`, its OpenAPI document at
//! `/services/<name>/openapi.json`, and its health at `/services/<name>/health`.
//!
//! These paths contain the component's name instead of the prefix of the service's own routes, because
//! another service knows only the name of its peer.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::openapi::Schema;

/// A service and what it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Description {
    /// The component's name, such as `user`.
    #[example("user")]
    pub name: String,
    /// The running version.
    #[example("0.1.0")]
    pub version: String,
    /// In the order in which the service lists them.
    pub routes: Vec<Route>,
}

/// A path with one of its methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Route {
    /// Such as `POST`.
    #[example("DELETE")]
    pub method: String,
    /// Such as `/api/v1/users/sessions/{id}`.
    #[example("/api/v1/users/sessions/{id}")]
    pub path: String,
    /// Whether bodies are sealed.
    pub encryption: Encryption,
}

/// Whether the bodies of a route are sealed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Never sealed.
    #[default]
    Public,
    /// Sealed if the client wants it.
    Optional,
    /// Sealed in production.
    Required,
}

impl Schema for Encryption {
    fn schema() -> Value {
        json!({"type": "string", "enum": ["public", "optional", "required"]})
    }
}

/// Returns the path at which a service describes itself.
#[must_use]
pub fn routes_path(service: &str) -> String {
    format!("/services/{service}/routes")
}

/// Returns the path at which a service reports its health, even if other services of the application
/// have a `/health` as well.
#[must_use]
pub fn health_path(service: &str) -> String {
    format!("/services/{service}/health")
}

/// Where a service has its OpenAPI document.
#[must_use]
pub fn openapi_path(service: &str) -> String {
    format!("/services/{service}/openapi.json")
}
