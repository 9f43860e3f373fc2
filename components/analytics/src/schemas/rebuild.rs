//! The request to rebuild the statistics, and its progress.

use serde::Serialize;
use service_kit::input::{FromFields, rules};
use service_kit::openapi::Schema;

/// Body of the request: an object, which may be empty.
#[derive(Debug, FromFields)]
pub(crate) struct Rebuild {
    /// Begin with the first event again, even if a rebuild is unfinished.
    #[rule(rules::boolean, default = false)]
    pub(crate) restart: bool,
}

/// The progress of a rebuild.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Rebuilt {
    /// If false, send the request again to continue.
    pub(crate) done: bool,
    /// Events in the new statistics so far, without the latest.
    pub(crate) events: u64,
}
