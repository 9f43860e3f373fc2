//! Where `host-adapter up` listens.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::layers::Layers;

/// Addresses of the listeners. Port 0 takes a free one, as tests do.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Listen {
    /// The whole application, every route of `spin.toml`. The default is loopback, so that a first
    /// run is reachable from nowhere else.
    #[serde(with = "adapter_settings::address")]
    pub app: SocketAddr,
    /// Services that are served alone as well.
    #[serde(skip)]
    pub services: BTreeMap<String, SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            app: (Ipv4Addr::LOCALHOST, 3_000).into(),
            services: BTreeMap::new(),
        }
    }
}

/// Any of `components` may have a listener of its own.
pub(super) fn read<'n>(
    layers: &mut Layers<'_>,
    components: impl IntoIterator<Item = &'n String>,
) -> Listen {
    let mut listen: Listen = layers.section("listen");
    for name in components {
        let address = layers.optional("listen", name, adapter_settings::address::deserialize);
        listen
            .services
            .extend(address.map(|address| (name.clone(), address)));
    }
    listen
}
