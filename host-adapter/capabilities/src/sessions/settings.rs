//! How long the adapter answers without hearing from PostgreSQL.

use std::time::Duration;

use adapter_settings::{DAY, HOUR, SECOND, Time};
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
    /// How long a revoked session is kept in the database. Tokens of a revoked session must have expired in
    /// every adapter, so the least is longer than the longest lifetime of a token.
    #[serde(with = "Time::<{ DAY + HOUR }, { 366 * DAY }>")]
    pub ended_sessions_kept_for: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            ended_sessions_max_age: Duration::from_secs(30),
            ended_sessions_kept_for: Duration::from_secs(25 * 60 * 60),
        }
    }
}
