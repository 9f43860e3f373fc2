//! The socket through which another process of the same user asks a running program what it serves, and
//! lets it reload.
//!
//! A request and its reply are one line of JSON each. The file's permissions (0600) decide who may ask.

mod client;
mod server;

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc};

use adapter_component_host::Report;
use serde::{Deserialize, Serialize};

pub use client::ask;
pub use server::{Socket, Taken};

/// Where the running program can be reached.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Control {
    /// The socket of `reload` and `components`. Below the project, so that each project has its own.
    #[serde(with = "adapter_settings::path")]
    pub socket: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: ".spindle/control.sock".into(),
        }
    }
}

/// What another process asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// What is served.
    Components {},
    /// To take up changes of one component, or of everything.
    Reload {
        /// The component's id.
        component: Option<String>,
    },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// To [`Request::Components`].
    Components(Vec<Served>),
    /// To [`Request::Reload`].
    Reloaded(Reloaded),
    /// Why there is no other answer.
    Failed(String),
}

/// A component that is served.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Served {
    /// The listener's name in `[listen]`.
    pub listener: String,
    /// The component's id.
    pub component: String,
    /// The version that it reports.
    pub version: Option<String>,
    /// The SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// When it was loaded, as RFC 3339 text in UTC.
    pub since: String,
    /// Its file.
    pub path: PathBuf,
}

/// What a reload did.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Reloaded {
    /// Components and routes.
    #[serde(flatten)]
    pub report: Report,
    /// The migrations that were applied, as `service: version description`.
    pub migrations: Vec<String>,
    /// The changed settings that are in force now.
    pub settings: Vec<String>,
    /// The changed settings that need a restart.
    pub needs_restart: Vec<String>,
    /// Whether another server was started for the changed settings, and accepts the connections now.
    #[serde(default)]
    pub another_server: bool,
    /// Time from the request to the switch, in milliseconds.
    pub milliseconds: u64,
}

/// Answers requests.
pub type Handler =
    Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;
