//! How much is accepted, and how long clients may take.

use std::time::Duration;

use adapter_settings::{Integer, MINUTE, Time, processors};
use serde::{Deserialize, Serialize};

/// Bounds of listeners and of the threads behind them.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct ListeningSettings {
    /// Threads that serve, each with component instances and database connections of its own. The
    /// default is one per processor: more only take turns.
    #[serde(with = "Integer::<1, 256>")]
    pub threads: usize,
    /// Open connections of one listener. Further ones wait to be accepted. By default they take 20 MB
    /// at worst while idle, and stay below the usual limit of open files.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_connections: usize,
    /// Time for a client to send the head of a request. A slower one holds a connection for nothing.
    #[serde(with = "Time::<100, { 2 * MINUTE }>")]
    pub header_timeout: Duration,
    /// Time for a client to take what was sent; then its connection is cut. The default is longer
    /// than a phone takes to find its network again.
    #[serde(with = "Time::<100, { 10 * MINUTE }>")]
    pub write_timeout: Duration,
    /// Time for requests in flight to finish when the process stops. The default is below what
    /// container platforms wait before they kill.
    #[serde(with = "Time::<0, { 10 * MINUTE }>")]
    pub shutdown_timeout: Duration,
}

impl Default for ListeningSettings {
    fn default() -> Self {
        Self {
            threads: processors(),
            max_connections: 1_024,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}
