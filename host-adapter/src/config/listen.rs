//! Where `host-adapter up` listens.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::reader::Reader;

/// Loopback, so that a first run is reachable from nowhere else.
const DEFAULT_APP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Addresses of the listeners. Port 0 takes a free one, as tests do.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The whole application, every route of `spin.toml`.
    pub app: SocketAddr,
    /// Services that are served alone as well, each by `components/<name>/spin.toml`.
    pub services: BTreeMap<String, SocketAddr>,
}

/// Any of `components` may have a listener of its own.
pub(super) fn read<'n>(
    reader: &mut Reader<'_>,
    components: impl IntoIterator<Item = &'n String>,
) -> Listen {
    reader.section("listen", |section| Listen {
        app: section.value("app", DEFAULT_APP),
        services: components
            .into_iter()
            .filter_map(|name| Some((name.clone(), section.optional(name)?)))
            .collect(),
    })
}
