//! How components are run, and what one request and one instance may cost.

use std::{path::PathBuf, time::Duration};

use adapter_settings::{GIB, HOUR, Integer, MIB, MINUTE, Size, Time, processors};
use serde::{Deserialize, Serialize};

use crate::TrustedProxies;

/// Bounds of the host.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct HostSettings {
    /// Requests that one instance answers before it is replaced. Low: instantiation costs more than
    /// the request. High: what a component leaks stays longer. The default serves four times the
    /// requests per second that a limit of 128 does, as measured.
    #[serde(with = "Integer::<1, 1_000_000>")]
    pub requests_per_instance: usize,
    /// Requests that one instance works on at the same time, on one thread. The default is Spin's;
    /// more makes no measurable difference.
    #[serde(with = "Integer::<1, 1_000>")]
    pub concurrency_per_instance: usize,
    /// Instances of all components together. Further requests wait, up to `request_timeout`. The
    /// default is 16 per processor, because a thread needs an instance of each component on each
    /// listener and some more under load, and at least 64, twice what `max_requests` admits at once.
    #[serde(with = "Integer::<1, 10_000>")]
    pub max_instances: u32,
    /// How long an instance without requests is kept. The default survives a pause between two
    /// clicks.
    #[serde(with = "Time::<100, HOUR>")]
    pub idle_timeout: Duration,
    /// Linear memory of an instance, in bytes. An allocation beyond it traps. In the default, sixteen
    /// requests with parsed bodies of 1 MiB each fit twice.
    #[serde(with = "Size::<{ 4 * MIB }, { 4 * GIB }>")]
    pub memory_per_instance: usize,
    /// Time for a component to begin its answer; then the request is answered 504. Longer than every
    /// time limit of a capability, so that a component can still say what was too slow.
    #[serde(with = "Time::<100, { 5 * MINUTE }>")]
    pub request_timeout: Duration,
    /// Requests in flight on one listener. Further ones are answered 503. The default is what 16
    /// database connections answer within the request timeout many times over.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_requests: usize,
    /// Proxies in front of the listeners, as addresses and networks. Their `Forwarded` and
    /// `X-Forwarded-For` say where a client is. None by default: then the other end of the connection is
    /// the client, and nothing that it sends can change that.
    pub trusted_proxies: TrustedProxies,
    /// Requests in flight of one client on one listener, as in `max_connections_per_client`. Further ones are
    /// answered 503. The default leaves three quarters to others.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_requests_per_client: usize,
    /// Calls to the adapter in flight per component, on all listeners and threads together. Further ones are
    /// `unavailable`. The default is that of `server.max_requests`, so that what works here works on Spin.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_calls: usize,
    /// Directory of compiled components. It is safe to delete, and must not be shared with anyone who
    /// is not trusted.
    #[serde(with = "adapter_settings::path")]
    pub compilation_cache: PathBuf,
}

impl Default for HostSettings {
    fn default() -> Self {
        let instances = u32::try_from(processors() * 16).unwrap_or(u32::MAX);
        Self {
            requests_per_instance: 10_000,
            concurrency_per_instance: 16,
            max_instances: instances.max(64),
            idle_timeout: Duration::from_secs(10),
            memory_per_instance: 64 << 20,
            request_timeout: Duration::from_secs(15),
            max_requests: 512,
            trusted_proxies: TrustedProxies::default(),
            max_requests_per_client: 128,
            max_calls: 256,
            compilation_cache: ".spindle/cache".into(),
        }
    }
}
