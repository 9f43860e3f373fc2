//! Where the management port is, and how much it takes.

use std::net::{Ipv4Addr, SocketAddr};

use adapter_settings::Integer;
use serde::{Deserialize, Serialize};

/// The management port.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct ManagementSettings {
    /// The address. The default is loopback: the page shows what the services do.
    #[serde(with = "adapter_settings::address")]
    pub address: SocketAddr,
    /// Open connections. Further ones are closed at once. The default is enough for probes, a scraper
    /// and some open pages.
    #[serde(with = "Integer::<1, 1_000>")]
    pub max_connections: usize,
}

impl Default for ManagementSettings {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 9_001).into(),
            max_connections: 64,
        }
    }
}
