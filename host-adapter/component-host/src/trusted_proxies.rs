//! The proxies that the operator trusts to say where a client is.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Addresses and networks of proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Whether `address`, which is canonical, belongs to a trusted proxy.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Reads `10.0.0.0/8` or `10.0.0.1`. A network of every address is rejected: with it, every client could
/// choose its address.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().ok()?.trunc(),
    };
    (network.prefix_len() > 0).then_some(network)
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let error = || {
            let expected = "a list of IP addresses and of networks such as `10.0.0.0/8`";
            de::Error::custom(format!("expected {expected}"))
        };
        let texts = Vec::<String>::deserialize(deserializer).map_err(|_| error())?;
        let networks = texts.iter().map(|text| network(text));
        let networks: Option<Vec<_>> = networks.collect();
        networks.map(Self).ok_or_else(error)
    }
}

/// As it is written in settings.
impl Serialize for TrustedProxies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Settings {
        proxies: TrustedProxies,
    }

    fn read(list: &str) -> Result<TrustedProxies, toml::de::Error> {
        let settings: Settings = toml::from_str(&format!("proxies = {list}"))?;
        Ok(settings.proxies)
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let proxies = read(r#"["10.1.2.3/8", "::1", "192.0.2.7"]"#).unwrap();
        for (address, trusted) in [
            ("10.9.9.9", true),
            ("11.0.0.1", false),
            ("::1", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
        ] {
            assert_eq!(proxies.contain(address.parse().unwrap()), trusted);
        }
        assert!(!read("[]").unwrap().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn other_values_are_rejected() {
        for list in [
            r#"["proxy.example"]"#,
            r#"["10.0.0.0/33"]"#,
            r#"["0.0.0.0/0"]"#,
            "1",
        ] {
            let error = read(list).unwrap_err().to_string();
            assert!(error.contains("a list of IP addresses"), "{list}: {error}");
        }
    }
}
