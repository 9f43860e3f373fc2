//! What the management port asks of the process.

use std::time::SystemTime;

use super::Readiness;

/// What the management port shows and does. `host-adapter` implements it.
///
/// An error is a sentence for the person at the page.
#[async_trait::async_trait]
pub trait Operations: Send + Sync {
    /// Checks everything that the process needs.
    async fn readiness(&self) -> Readiness;

    /// The components that are served. If another host runs them, they are those that it describes.
    async fn components(&self) -> Vec<ServedComponent>;

    /// The latest builds and reloads, newest last; none if another host runs the components.
    fn reloads(&self) -> Vec<Reload>;

    /// The messages that wait, and those that are not deliverable: the oldest of each component.
    async fn messages(&self) -> Result<Vec<Message>, String>;

    /// Changes a message that is not deliverable. Returns whether it exists.
    async fn change(&self, component: &str, id: &str, change: Change) -> Result<bool, String>;

    /// The migrations of all services.
    async fn migrations(&self) -> Result<Vec<Migration>, String>;

    /// The settings in force with their sources, without secrets.
    fn settings(&self) -> String;
}

/// A component that is served.
#[derive(Debug, Clone)]
pub struct ServedComponent {
    /// Its name.
    pub name: String,
    /// The application that serves it: `app`, or the name of a service.
    pub application: String,
    /// The version that it reports, or an empty text before its first health check.
    pub version: String,
    /// The digest of the `.wasm` file. `None` if another host runs the component.
    pub digest: Option<String>,
    /// Since when it is served, or since when this version is seen at another host.
    pub since: SystemTime,
}

/// A build or a reload.
#[derive(Debug, Clone)]
pub struct Reload {
    /// When it ended.
    pub at: SystemTime,
    /// What triggered it: a command, a signal, or the file that changed.
    pub trigger: String,
    /// The component, or `None` for all.
    pub component: Option<String>,
    /// Whether everything new serves.
    pub succeeded: bool,
    /// What was done, or why it failed. It may have several lines.
    pub text: String,
}

/// A message in an outbox.
#[derive(Debug, Clone)]
pub struct Message {
    /// The component that sent it.
    pub component: String,
    /// Its id.
    pub id: String,
    /// The peer that gets it.
    pub peer: String,
    /// The path at the peer.
    pub path: String,
    /// When it was written, in UTC.
    pub created: String,
    /// Deliveries so far.
    pub attempts: i32,
    /// Whether it is not delivered again.
    pub dead: bool,
    /// Why the last delivery failed.
    pub failure: Option<String>,
}

/// What to do with a message that is not deliverable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Deliver it again.
    Retry,
    /// Delete it.
    Discard,
}

/// A migration.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The service.
    pub service: String,
    /// Its number.
    pub version: i64,
    /// What it does.
    pub description: String,
    /// `applied`, `pending`, or what is wrong with it.
    pub state: String,
}
