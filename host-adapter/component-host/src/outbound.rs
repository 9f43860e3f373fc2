//! HTTP requests and TCP connections that a component makes itself, to the hosts that its manifest allows
//! (`allowed_outbound_hosts`).
//!
//! Spindle's own components make none: they call peers through `spindle:adapter/dispatch`. This is for
//! components that contain a client, such as those that adapter-client is composed into.

use std::{error::Error as _, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;
use wasmtime_wasi::{WasiCtxBuilder, sockets::SocketAddrUse};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Time to connect and to receive the response's head, if the component sets no timeout. In practice
/// the request timeout, which is shorter, ends the component's own request first.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// What a component may reach. The default is nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AllowedHosts {
    /// Hosts and ports that it may send requests to.
    web: Vec<(String, u16)>,
    /// Addresses that it may connect to.
    tcp: Vec<SocketAddr>,
}

impl AllowedHosts {
    /// Parses entries as `http://host:port` and `tcp://address:port`. Other forms that Spin allows (wildcards,
    /// port ranges, other schemes) are errors, so that none of them is read as a narrower permission.
    pub(super) fn parse(hosts: &[String]) -> Result<Self, String> {
        let mut allowed = Self::default();
        for text in hosts {
            allowed.add(text).ok_or_else(|| {
                format!(
                    "`{text}` is not supported by the embedded host; use `http://host:port` or \
                     `tcp://address:port`"
                )
            })?;
        }
        Ok(allowed)
    }

    fn add(&mut self, text: &str) -> Option<()> {
        if let Some(address) = text.strip_prefix("tcp://") {
            self.tcp.push(address.parse().ok()?);
        } else {
            self.web.push(parse_host(text)?);
        }
        Some(())
    }

    fn allows(&self, uri: &Uri) -> bool {
        target(uri).is_some_and(|(host, port)| {
            let mut allowed = self.web.iter();
            allowed.any(|(name, number)| name.eq_ignore_ascii_case(host) && *number == port)
        })
    }

    /// Whether a component may use a socket with `address` for this. It may listen nowhere.
    fn allows_socket(&self, address: SocketAddr, to: SocketAddrUse) -> bool {
        match to {
            SocketAddrUse::TcpConnect => self.tcp.contains(&address),
            // The local end of a connection, which the system chooses.
            SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
            _ => false,
        }
    }
}

fn parse_host(text: &str) -> Option<(String, u16)> {
    let uri: Uri = text.parse().ok()?;
    if uri.path() != "/" || uri.query().is_some() || text.contains('*') {
        return None;
    }
    let (host, port) = target(&uri)?;
    Some((host.to_owned(), port))
}

fn target(uri: &Uri) -> Option<(&str, u16)> {
    (uri.scheme() == Some(&Scheme::HTTP)).then_some(())?;
    Some((uri.host()?, uri.port_u16().unwrap_or(80)))
}

/// Sends a component's requests over a pool of connections.
#[derive(Clone)]
pub(super) struct Outbound {
    allowed: Arc<AllowedHosts>,
    client: Client<HttpConnector, WasiBody>,
}

impl Outbound {
    pub(super) fn new(allowed: Arc<AllowedHosts>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { allowed, client }
    }

    /// Lets a component open the connections that it may.
    pub(super) fn allow_sockets(&self, wasi: &mut WasiCtxBuilder) {
        let allowed = self.allowed.clone();
        let any = !allowed.tcp.is_empty();
        wasi.allow_tcp(any).allow_udp(false);
        wasi.socket_addr_check(move |address, to| {
            let allows = allowed.allows_socket(address, to);
            Box::pin(std::future::ready(allows))
        });
    }
}

type Answer = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _finished: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        if !self.allowed.allows(request.uri()) {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let response = self.client.request(request);
        let limit = options.and_then(|options| options.first_byte_timeout);
        let limit = limit.unwrap_or(DEFAULT_TIMEOUT);
        Box::new(async move {
            let response = timeout(limit, response)
                .await
                .map_err(|_| Error::HttpResponseTimeout)?
                .map_err(|error| to_wasi_error(&error))?;
            let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
            let done: Box<dyn Future<Output = _> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

/// Tells the component only whether connecting failed or the connection broke. The log has the rest.
fn to_wasi_error(error: &hyper_util::client::legacy::Error) -> Error {
    tracing::debug!(
        "a component's request failed: {error}: {:?}",
        error.source()
    );
    if error.is_connect() {
        Error::ConnectionRefused
    } else {
        Error::ConnectionTerminated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_and_ports_are_allowed() {
        let hosts = [
            "http://127.0.0.1:9000".to_owned(),
            "http://Adapter".to_owned(),
        ];
        let allowed = AllowedHosts::parse(&hosts).unwrap();
        let allows = |uri: &str| allowed.allows(&uri.parse().unwrap());
        assert!(allows("http://127.0.0.1:9000/postgres/fetch"));
        assert!(allows("http://adapter/"));
        for other in [
            "http://127.0.0.1:9001/",
            "http://127.0.0.2:9000/",
            "https://127.0.0.1:9000/",
            "http://adapter:8080/",
        ] {
            assert!(!allows(other), "{other}");
        }
    }

    #[test]
    fn connections_only_go_to_listed_addresses() {
        let allowed = AllowedHosts::parse(&["tcp://127.0.0.1:9000".to_owned()]).unwrap();
        let allows = |address: &str, to| allowed.allows_socket(address.parse().unwrap(), to);
        assert!(allows("127.0.0.1:9000", SocketAddrUse::TcpConnect));
        assert!(allows("0.0.0.0:0", SocketAddrUse::TcpBind));
        for (address, to) in [
            ("127.0.0.1:9001", SocketAddrUse::TcpConnect),
            ("127.0.0.2:9000", SocketAddrUse::TcpConnect),
            ("127.0.0.1:9000", SocketAddrUse::TcpListen),
            ("127.0.0.1:9000", SocketAddrUse::TcpBind),
            ("127.0.0.1:9000", SocketAddrUse::UdpSend),
        ] {
            assert!(!allows(address, to), "{address} {to:?}");
        }
        assert!(!allowed.allows(&"http://127.0.0.1:9000/".parse().unwrap()));
    }

    #[test]
    fn wildcards_and_other_schemes_are_rejected() {
        for wide in [
            "*://*:*",
            "http://*.example.org",
            "https://a",
            "http://a/path",
            "postgres://a",
            "tcp://localhost:9000",
            "tcp://127.0.0.1",
            "tcp://*:9000",
        ] {
            assert!(AllowedHosts::parse(&[wide.to_owned()]).is_err(), "{wide}");
        }
    }
}
