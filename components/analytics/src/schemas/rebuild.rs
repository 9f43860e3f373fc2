//! The request to rebuild the statistics, and its progress.

use serde::Serialize;
use service_kit::input::{FromFields, rules};
use service_kit::openapi::Schema;

/// Body of the request: an object, which may be empty.
#[derive(Debug, FromFields)]
pub(crate) struct Rebuild {
    /// Start over from the first event, even if a rebuild is unfinished.
    #[rule(rules::boolean, default = false)]
    pub(crate) restart: bool,
}

/// The progress of a rebuild.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Rebuilt {
    /// If false, send the request again to continue.
    pub(crate) done: bool,
    /// How many events the new statistics include so far. The latest events are not included.
    pub(crate) events: u64,
}
