//! The request to rebuild the statistics, and how far that is.

use serde::Serialize;
use serde_json::Value;
use service_kit::input::{Fields, FromFields, Violation};

/// Body of the request: an object, which may be empty.
#[derive(Debug)]
pub(crate) struct Rebuild {
    /// Begin with the first event again, even if a rebuild is on its way.
    pub(crate) restart: bool,
}

/// How far a rebuild is.
#[derive(Debug, Serialize)]
pub(crate) struct Rebuilt {
    /// False: send the request again to go on.
    pub(crate) done: bool,
    /// Events that the new statistics count so far, besides the latest.
    pub(crate) events: u64,
}

impl FromFields for Rebuild {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let restart = fields.optional("restart", boolean);
        Some(Self {
            restart: restart?.unwrap_or(false),
        })
    }
}

fn boolean(value: Value) -> Result<bool, Violation> {
    value
        .as_bool()
        .ok_or_else(|| Violation::new("type", "has to be true or false"))
}
