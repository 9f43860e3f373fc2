//! The address of the client that sent a request.
//!
//! Behind a proxy, the connection comes from the proxy. A proxy appends the address that it has seen to
//! `Forwarded` (RFC 7239) or `X-Forwarded-For`. All to the left of that is what the proxy has received, so
//! a client can write there whatever it likes. The headers are therefore read from the right, and only on
//! as long as the address that wrote an element belongs to a trusted proxy.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

use http::{HeaderMap, HeaderName, header::FORWARDED};

use crate::TrustedProxies;

/// The header in which Spin passes the client's address to a component, as `ip:port`.
pub(super) const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies in front of a listener. It bounds how much of a header is read.
const MAX_PROXIES: usize = 16;

/// Finds the address of clients.
#[derive(Debug)]
pub(super) struct ClientAddresses {
    trusted: TrustedProxies,
    warned: Once,
}

impl ClientAddresses {
    pub(super) fn new(trusted: TrustedProxies) -> Self {
        Self {
            trusted,
            warned: Once::new(),
        }
    }

    /// The client of a request with these headers. The port is 0 if a proxy has named the client.
    pub(super) fn client(&self, connection: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let address = self.find(connection.ip().to_canonical(), headers);
        address.map_or(connection, |address| SocketAddr::new(address, 0))
    }

    /// Whether many clients share `address`: it is that of a proxy, or of this machine.
    pub(super) fn is_shared(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.trusted.contain(address)
    }

    /// The address that trusted proxies name, if `connection` comes from one.
    ///
    /// A proxy that writes one of the two headers may pass on the other one as the client sent it. So if a
    /// request has both, they must agree. Otherwise the proxy itself is the client.
    fn find(&self, connection: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let forwarded = headers.contains_key(FORWARDED);
        if !forwarded && !headers.contains_key(X_FORWARDED_FOR) {
            return None;
        }
        if !self.trusted.contain(connection) {
            self.warn(connection);
            return None;
        }
        if !forwarded {
            return Some(self.last_untrusted(connection, x_forwarded_for(headers)));
        }
        let address = self.last_untrusted(connection, forwarded_for(headers));
        let agrees = !headers.contains_key(X_FORWARDED_FOR)
            || self.last_untrusted(connection, x_forwarded_for(headers)) == address;
        agrees.then_some(address)
    }

    /// Goes from the nearest proxy to the client. It ends at the first address that is not trusted, and at
    /// an element without an address: then the proxy that wrote the element counts as the client.
    fn last_untrusted(
        &self,
        connection: IpAddr,
        elements: impl Iterator<Item = Option<IpAddr>>,
    ) -> IpAddr {
        let mut address = connection;
        for element in elements.take(MAX_PROXIES) {
            let Some(next) = element.filter(|_| self.trusted.contain(address)) else {
                break;
            };
            address = next;
        }
        address
    }

    /// Warns once that a proxy seems to be missing in the settings. All clients behind it count as one.
    fn warn(&self, connection: IpAddr) {
        let near = match connection {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        };
        if near {
            self.warned.call_once(|| {
                tracing::warn!(
                    "`Forwarded` and `X-Forwarded-For` from {connection} are ignored: if it is your \
                     proxy, add it to `host.trusted_proxies`"
                );
            });
        }
    }
}

/// The elements of `X-Forwarded-For` from the right: addresses, which may have a port.
fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let elements = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    elements.map(|element| address(element.trim()))
}

/// The elements of `Forwarded` from the right: their parameter `for`.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(FORWARDED).iter().rev();
    let elements = values.flat_map(|value| FromRight(Some(value.to_str().unwrap_or_default())));
    elements.map(|element| node(element.trim()))
}

/// The elements of a list from the right. A quote that the client has left open to the left cannot swallow
/// what a proxy has appended. Quoted text with `\` is not an address, so its end does not matter.
struct FromRight<'a>(Option<&'a str>);

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.take()?;
        let mut quoted = false;
        let comma = rest.rfind(|character| {
            quoted ^= character == '"';
            character == ',' && !quoted
        });
        let Some((before, element)) = comma.and_then(|at| rest.split_at_checked(at)) else {
            return Some(rest);
        };
        self.0 = Some(before);
        element.strip_prefix(',')
    }
}

/// The address in an element of `Forwarded` (RFC 7239, section 4). None if the element is malformed, or has
/// no address: `unknown` and names that hide it.
fn node(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    match value.strip_prefix('"') {
        Some(quoted) => address(quoted.strip_suffix('"')?),
        // A token, which has no `:`.
        None => value.parse().ok().filter(IpAddr::is_ipv4),
    }
}

/// Reads `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`, and the first and the last with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let plain = text.parse::<IpAddr>().ok().or_else(bracketed);
    let address = plain.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const PROXY: &str = "10.0.0.1";

    fn client(connection: &str, headers: &[(&str, &str)]) -> String {
        #[derive(serde::Deserialize)]
        struct Settings {
            proxies: TrustedProxies,
        }
        let settings: Settings = toml::from_str(r#"proxies = ["10.0.0.0/8"]"#).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let connection = SocketAddr::new(connection.parse().unwrap(), 5000);
        let found = ClientAddresses::new(settings.proxies).client(connection, &map);
        found.ip().to_string()
    }

    fn forwarded(value: &str) -> String {
        client(PROXY, &[("forwarded", value)])
    }

    fn x_forwarded(value: &str) -> String {
        client(PROXY, &[("x-forwarded-for", value)])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let headers = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
        ];
        assert_eq!(client("198.51.100.1", &headers), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &headers), "192.0.2.1");
        assert_eq!(client(PROXY, &[]), PROXY);
    }

    #[test]
    fn what_the_client_wrote_to_the_left_is_ignored() {
        assert_eq!(x_forwarded("198.51.100.9, 192.0.2.1"), "192.0.2.1");
        assert_eq!(x_forwarded("192.0.2.9, 192.0.2.1, 10.0.0.2"), "192.0.2.1");
        assert_eq!(
            forwarded("for=192.0.2.9, for=192.0.2.1;proto=https"),
            "192.0.2.1"
        );
        for forged in [
            "for=\"192.0.2.9",
            "for=\"192.0.2.9\\\"",
            "\"",
            ",,;=",
            "for=\"a,b",
        ] {
            assert_eq!(forwarded(&format!("{forged}, for=192.0.2.1")), "192.0.2.1");
        }
        let lines = [
            ("x-forwarded-for", "192.0.2.9"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        assert_eq!(client(PROXY, &lines), "192.0.2.1");
    }

    #[test]
    fn a_malformed_element_ends_the_walk_at_its_proxy() {
        for value in ["192.0.2.9, nowhere", "192.0.2.9,", "nowhere", ""] {
            assert_eq!(x_forwarded(value), PROXY, "{value}");
        }
        assert_eq!(x_forwarded("192.0.2.9, ?, 10.0.0.2"), "10.0.0.2");
        for value in [
            "for=192.0.2.9, for=unknown",
            "for=192.0.2.9, for=_hidden",
            "for=192.0.2.9, for=192.0.2.8;for=192.0.2.7",
            "for=192.0.2.9, proto=https",
            "for=192.0.2.9, for=2001:db8::1",
            "for=192.0.2.9, for=\"192.0.2.8",
            "for=192.0.2.9, 192.0.2.8",
        ] {
            assert_eq!(forwarded(value), PROXY, "{value}");
        }
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        for value in ["for=192.0.2.1", "For=\"192.0.2.1:47011\";by=10.0.0.1"] {
            assert_eq!(forwarded(value), "192.0.2.1");
        }
        for value in [
            "for=\"[2001:db8::1]\"",
            "proto=http;for=\"[2001:db8::1]:4711\"",
        ] {
            assert_eq!(forwarded(value), "2001:db8::1");
        }
        for value in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"] {
            assert_eq!(x_forwarded(value), "2001:db8::1");
        }
        assert_eq!(x_forwarded("192.0.2.1:443"), "192.0.2.1");
    }

    #[test]
    fn headers_that_disagree_are_not_believed() {
        let both = |value| {
            let headers = [("forwarded", "for=192.0.2.9"), ("x-forwarded-for", value)];
            client(PROXY, &headers)
        };
        assert_eq!(both("192.0.2.1"), PROXY);
        assert_eq!(both("192.0.2.9"), "192.0.2.9");
    }

    #[test]
    fn a_header_is_read_up_to_the_limit_of_proxies() {
        let hops = |count| x_forwarded(&format!("192.0.2.1{}", ", 10.0.0.2".repeat(count)));
        assert_eq!(hops(MAX_PROXIES - 1), "192.0.2.1");
        assert_eq!(hops(MAX_PROXIES), "10.0.0.2");
    }
}
