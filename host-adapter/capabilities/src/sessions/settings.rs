//! How long the adapter answers without hearing from PostgreSQL.

use std::time::Duration;

use adapter_settings::{DAY, SECOND, Time};
use serde::{Deserialize, Serialize};

/// How old the adapter's knowledge of ended sessions may be.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct SessionSettings {
    /// The age at which tokens of sessions are `unavailable`. No adapter accepts an ended session for
    /// longer. If it is low, even a short outage of PostgreSQL makes tokens of sessions `unavailable`.
    /// The default is enough for PostgreSQL to restart.
    #[serde(with = "Time::<SECOND, DAY>")]
    pub ended_sessions_max_age: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            ended_sessions_max_age: Duration::from_secs(30),
        }
    }
}
