//! How messages are delivered.

use std::time::Duration;

use adapter_settings::{DAY, MINUTE, Time};
use serde::{Deserialize, Serialize};

/// How often a relay looks for messages, and how long it keeps them.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct RelaySettings {
    /// Longest time between two looks at the table when nothing wakes the relay. Messages of this process
    /// wake it at once, and it knows when its own retries are due. Messages that another process has left
    /// behind, or an operator retries, wait up to this long. With the default, those of a killed adapter
    /// are delivered by another one within 15 seconds.
    #[serde(with = "Time::<50, { 5 * MINUTE }>")]
    pub outbox_interval: Duration,
    /// The age at which a message that waits is not delivered any more, but kept as a dead letter. The default
    /// is enough to notice an outage and to repair it after a weekend.
    #[serde(with = "Time::<MINUTE, { 366 * DAY }>")]
    pub outbox_max_age: Duration,
    /// How long a dead letter is kept for a person to read. The default is enough to investigate, and a peer
    /// that rejects everything fills no disk for ever.
    #[serde(with = "Time::<MINUTE, { 366 * DAY }>")]
    pub dead_letter_max_age: Duration,
}

const ONE_DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            outbox_interval: Duration::from_secs(10),
            outbox_max_age: 7 * ONE_DAY,
            dead_letter_max_age: 30 * ONE_DAY,
        }
    }
}
