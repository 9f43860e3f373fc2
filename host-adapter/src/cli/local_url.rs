//! The URLs of this machine's own listeners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The URL of the listener whose address is the setting `name`. A listener on all addresses is called on
/// loopback.
///
/// # Errors
///
/// The port is 0, so the operating system chose another one.
pub(super) fn local_url(name: &str, mut address: SocketAddr) -> anyhow::Result<String> {
    anyhow::ensure!(
        address.port() != 0,
        "the port in `{name}` is 0, so the real one is unknown; set it to the one in use"
    );
    if address.ip().is_unspecified() {
        let loopback: IpAddr = if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(loopback);
    }
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listener_on_all_interfaces_is_called_on_loopback() {
        let of = |address: &str| local_url("listen.app", address.parse().unwrap());
        assert_eq!(of("127.0.0.1:8001").unwrap(), "http://127.0.0.1:8001");
        assert_eq!(of("0.0.0.0:80").unwrap(), "http://127.0.0.1:80");
        assert_eq!(of("[::]:80").unwrap(), "http://[::1]:80");
        assert!(of("127.0.0.1:0").is_err());
    }
}
