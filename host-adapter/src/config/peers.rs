//! Where the peers are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use super::components::{EVERY_OTHER, Grants};
use super::layers::Layers;

/// A service that components may be granted to call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Peer {
    /// Scheme, host and port, and a path if any, without a slash at the end. Without it the peer
    /// is where this process serves it.
    #[serde(deserialize_with = "http_url")]
    pub url: Option<String>,
    /// Whether the file has a table for it. Every component is a peer without one.
    #[serde(skip)]
    pub declared: bool,
}

/// The peers in the file, and every component, because this process may serve it. A peer that is
/// only named in a grant is included if a variable sets its URL.
pub(super) fn read(
    layers: &mut Layers<'_>,
    components: &BTreeMap<String, Grants>,
) -> BTreeMap<String, Peer> {
    let declared = layers.names("peers");
    let mut known = declared.clone();
    known.extend(components.keys().cloned());
    let granted = components.values().flat_map(|grants| &grants.peers);
    let granted = granted.filter(|peer| *peer != EVERY_OTHER);
    let names: BTreeSet<&String> = known.iter().chain(granted).collect();
    let peers = names.into_iter().map(|name| {
        let peer = Peer {
            declared: declared.contains(name),
            ..layers.section(&format!("peers.{name}"))
        };
        (name.clone(), peer)
    });
    peers
        .filter(|(name, peer)| peer.url.is_some() || known.contains(name))
        .collect()
}

/// Names the peers that `*` stands for.
pub(super) fn name_every_other(
    components: &mut BTreeMap<String, Grants>,
    peers: &BTreeMap<String, Peer>,
) {
    for (component, grants) in components {
        let granted = &mut grants.peers;
        let before = granted.len();
        granted.retain(|name| name != EVERY_OTHER);
        grants.every_other = granted.len() < before;
        if grants.every_other {
            let others = peers.keys().filter(|peer| *peer != component);
            let missing: Vec<String> = others
                .filter(|peer| !granted.contains(peer))
                .cloned()
                .collect();
            granted.extend(missing);
        }
    }
}

fn http_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let expected =
        "a URL such as `http://10.0.0.7:8001`, without user, password, query or fragment";
    adapter_settings::from_text(deserializer, expected, |text| parse(text).map(Some))
}

fn parse(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    // The parser lets any text through as a port.
    let port = authority.as_str().strip_prefix(authority.host())?;
    let acceptable = matches!(uri.scheme_str(), Some("http" | "https"))
        && !authority.host().is_empty()
        && (port.is_empty() || authority.port_u16().is_some_and(|port| port != 0))
        && !text.contains(['@', '?', '#']);
    acceptable.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_urls_are_plain_http_without_credentials() {
        for rejected in [
            "10.0.0.7:8001",
            "ftp://host",
            "http://",
            "http://:8001",
            "http://host:port",
            "http://host:70000",
            "http://host name",
            "http://user:password@host",
            "http://host/?query",
        ] {
            assert!(parse(rejected).is_none(), "{rejected}");
        }
        assert_eq!(parse("https://host/base/").unwrap(), "https://host/base");
    }
}
