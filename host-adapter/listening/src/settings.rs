//! How much is accepted, and how long clients may take.

use std::time::Duration;

use adapter_settings::{Integer, MIB, MINUTE, Size, Time, processors};
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
    /// Open connections of one client on one listener: of an IPv4 address, or of a network of 64 bits in IPv6.
    /// Further ones are closed. Programs on the same machine are not limited, because a proxy is one for
    /// all. The default is a quarter of all, and enough for an office behind one address.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_connections_per_client: usize,
    /// Time for a client to send the head of a request. A slower one holds a connection for nothing.
    #[serde(with = "Time::<100, { 2 * MINUTE }>")]
    pub header_timeout: Duration,
    /// How long a client may be slower than `min_rate` while it sends a body; then it is answered 408. Time in
    /// which it was faster makes up for it.
    #[serde(with = "Time::<100, { 10 * MINUTE }>")]
    pub body_timeout: Duration,
    /// Bytes a second that a client must send of a body and take of an answer. The slowest mobile network
    /// has more than ten times the default.
    #[serde(with = "Size::<1, MIB>")]
    pub min_rate: usize,
    /// How long a client may be slower than `min_rate` while it takes an answer; then its connection is cut.
    /// The default is longer than a phone takes to find its network again.
    #[serde(with = "Time::<100, { 10 * MINUTE }>")]
    pub write_timeout: Duration,
    /// How long requests are still accepted after SIGTERM, while `/ready` already fails. A load balancer that
    /// learns of it in this time sends the process nothing that it cannot answer. The default is enough for a
    /// check a second, and for a check every two seconds of which two must fail.
    #[serde(with = "Time::<0, { 10 * MINUTE }>")]
    pub drain_delay: Duration,
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
            max_connections_per_client: 256,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            min_rate: 1 << 10,
            write_timeout: Duration::from_secs(30),
            drain_delay: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}
