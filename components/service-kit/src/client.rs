//! The sender of a request: its address and its user agent.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use serde::Serialize;

use crate::input::{FromFields, rules};
use crate::openapi::{Describe, Operation};

use crate::headers::SPIN_CLIENT_ADDR;

/// Maximum length of a user agent, in characters. The rest is cut off. Browsers send about 120.
pub const MAX_USER_AGENT: usize = 256;

/// Maximum length of an IP address as text: that of an IPv6 address with an IPv4 address in it.
const MAX_ADDRESS: usize = 45;

/// Extractor: the sender of the request. Also a group of fields, for messages that name a sender.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, FromFields)]
pub struct Client {
    /// The IP address that the host names: that of the connection, or the one that a trusted proxy says
    /// on the embedded host. Behind any other proxy, it is that of the proxy.
    #[rule(rules::text(1, MAX_ADDRESS))]
    pub address: Option<String>,
    /// The header `User-Agent`, cut to [`MAX_USER_AGENT`], without control characters.
    #[rule(rules::text(1, MAX_USER_AGENT))]
    pub user_agent: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// It is not something that a client decides to send.
impl Describe for Client {
    fn describe(_: &mut Operation) {}
}

impl Client {
    /// The network of the address, such as `192.0.2.0/24` or `2001:db8::/64`: what a client usually keeps
    /// when its address changes.
    #[must_use]
    pub fn network(&self) -> Option<String> {
        let address = self.address.as_deref()?.parse::<IpAddr>().ok()?;
        Some(match address {
            IpAddr::V4(address) => {
                let network = address.to_bits() & !u32::from(u8::MAX);
                format!("{}/24", Ipv4Addr::from(network))
            }
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                format!("{}/64", Ipv6Addr::from(network))
            }
        })
    }

    fn of(headers: &HeaderMap) -> Self {
        // Spin passes on what the client sent, and appends its own value.
        let named = headers.get_all(SPIN_CLIENT_ADDR).iter().next_back();
        let address = named.and_then(|value| value.to_str().ok());
        let address = address.and_then(|text| text.parse::<SocketAddr>().ok());
        Self {
            address: address.map(|address| address.ip().to_canonical().to_string()),
            user_agent: headers.get(USER_AGENT).and_then(user_agent),
        }
    }
}

fn user_agent(value: &HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let printable = text.chars().filter(|character| !character.is_control());
    let text: String = printable.take(MAX_USER_AGENT).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &'static str, agent: &[u8]) -> Client {
        let mut headers = HeaderMap::new();
        headers.insert(SPIN_CLIENT_ADDR, HeaderValue::from_static(address));
        headers.insert(USER_AGENT, HeaderValue::from_bytes(agent).unwrap());
        Client::of(&headers)
    }

    #[test]
    fn the_address_is_that_of_the_connection_without_its_port() {
        let address = |text| client(text, b"x").address.unwrap_or_default();
        assert_eq!(address("192.0.2.1:5000"), "192.0.2.1");
        assert_eq!(address("[2001:db8::1]:5000"), "2001:db8::1");
        assert_eq!(address("[::ffff:192.0.2.1]:5000"), "192.0.2.1");
        assert_eq!(address("somewhere"), "");
    }

    #[test]
    fn an_address_that_the_client_sent_is_not_believed() {
        let mut headers = HeaderMap::new();
        for value in ["198.51.100.1:1", "192.0.2.1:5000"] {
            headers.append(SPIN_CLIENT_ADDR, HeaderValue::from_static(value));
        }
        assert_eq!(Client::of(&headers).address.as_deref(), Some("192.0.2.1"));
        headers.append(SPIN_CLIENT_ADDR, HeaderValue::from_static("somewhere"));
        assert_eq!(Client::of(&headers).address, None);
    }

    #[test]
    fn a_network_is_the_first_part_of_an_address() {
        let network = |address| client(address, b"x").network();
        assert_eq!(network("192.0.2.77:1").as_deref(), Some("192.0.2.0/24"));
        let inside = network("[2001:db8:1:2:3:4:5:6]:1");
        assert_eq!(inside.as_deref(), Some("2001:db8:1:2::/64"));
        assert_eq!(network("somewhere"), None);
    }

    #[test]
    fn the_user_agent_is_bounded_text() {
        let agent = |bytes: &[u8]| client("192.0.2.1:5000", bytes).user_agent;
        assert_eq!(
            agent(b"curl/8\t(\xff)").as_deref(),
            Some("curl/8(\u{fffd})")
        );
        assert_eq!(agent(&[b'x'; 300]).unwrap().len(), MAX_USER_AGENT);
        assert_eq!(agent(b""), None);
        assert_eq!(Client::of(&HeaderMap::new()), Client::default());
    }
}
