//! What counts as one client.

use std::net::IpAddr;

/// A client: an IPv4 address, an IPv6 network of 64 bits, or all that is not known.
///
/// A provider gives each customer a network of 64 bits at least, so an address of its own is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client(Option<IpAddr>);

impl Client {
    /// Reads an address.
    pub(super) fn from_address(address: Option<&str>) -> Self {
        let address = address.and_then(|text| text.parse::<IpAddr>().ok());
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => {
                let host = u128::from(u64::MAX);
                IpAddr::V6((address.to_bits() & !host).into())
            }
            address => address,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let client = |text| Client::from_address(Some(text));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_eq!(client("somewhere"), Client::from_address(None));
    }
}
