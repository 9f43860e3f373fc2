//! How messages are delivered.

use std::time::Duration;

use adapter_settings::{MINUTE, Time};
use serde::{Deserialize, Serialize};

/// How often a relay looks for messages.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct RelaySettings {
    /// Longest time between two looks at the table when nothing wakes the relay. Messages of this process
    /// wake it at once, and it knows when its own retries are due. Messages that another process has left
    /// behind, or an operator retries, wait up to this long. With the default, those of a killed adapter
    /// are delivered by another one within 15 seconds.
    #[serde(with = "Time::<50, { 5 * MINUTE }>")]
    pub outbox_interval: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            outbox_interval: Duration::from_secs(10),
        }
    }
}
