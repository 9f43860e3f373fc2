//! How long and how often a peer is called.

use std::time::Duration;

use adapter_settings::{Integer, KIB, MIB, MINUTE, Size, Time};
use serde::{Deserialize, Serialize};

/// Bounds of every call.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct DispatchSettings {
    /// How long one call may take, attempts and pauses together. The default is a third of the time
    /// that the calling request has.
    #[serde(with = "Time::<10, { 5 * MINUTE }>")]
    pub timeout: Duration,
    /// The most attempts, including the first. A fourth would rarely help and would add to an overload.
    #[serde(with = "Integer::<1, 3>")]
    pub attempts: u32,
    /// Longest pause before the second attempt; it doubles with each further one. The default is about
    /// one round trip and one quick restart of a connection.
    #[serde(with = "Time::<1, MINUTE>")]
    pub backoff_base: Duration,
    /// Longest pause before any attempt. With full jitter the default is half a second on average,
    /// so that three attempts fit into the timeout.
    #[serde(with = "Time::<1, MINUTE>")]
    pub backoff_cap: Duration,
    /// Largest body of a request or an answer, in bytes. The maximum is the contract's limit.
    #[serde(with = "Size::<KIB, MIB>")]
    pub max_body: usize,
    /// Retries as a share of the calls of a component to a peer, in percent. A peer that fails because of too
    /// much load does not get a multiple of it. Usual failures are rarer than the default.
    #[serde(with = "Integer::<0, 100>")]
    pub retry_budget: u32,
    /// Retries that may be saved up, and that a component has at the beginning. The default lets five calls in
    /// a row be retried twice, when there are few calls.
    #[serde(with = "Integer::<0, 1_000>")]
    pub retry_reserve: u32,
    /// Failed attempts in a row after which a component does not call a peer for a while. The default is more
    /// than a short restart costs with few calls.
    #[serde(with = "Integer::<1, 1_000_000>")]
    pub breaker_failures: u32,
    /// How long the peer is not called then. After that, one attempt tries whether it works again. The default
    /// is a quick restart.
    #[serde(with = "Time::<10, { 5 * MINUTE }>")]
    pub breaker_pause: Duration,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            attempts: 3,
            backoff_base: Duration::from_millis(50),
            backoff_cap: Duration::from_secs(1),
            max_body: 1 << 20,
            retry_budget: 10,
            retry_reserve: 10,
            breaker_failures: 10,
            breaker_pause: Duration::from_secs(2),
        }
    }
}
