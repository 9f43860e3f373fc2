//! Settings of the API.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::SecretString;

/// Settings of the adapter's HTTP API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// The application that calls it: where peers are that have no `url`.
    pub application: String,
    /// Certificate chain and key, as PEM files. Required on any other address than loopback.
    pub tls: Option<Tls>,
    /// Certificates of authorities, as a PEM file. With it, a client certificate says which
    /// component calls, and no token is needed.
    pub client_ca: Option<PathBuf>,
    /// Largest call, in bytes.
    pub max_body: usize,
    /// How long one call may take in all.
    pub request_timeout: Duration,
    /// Calls in flight per component. Further ones are refused.
    pub max_requests: u32,
    /// Open connections. Further ones wait to be accepted.
    pub max_connections: u32,
    /// By component; from variables only.
    pub tokens: BTreeMap<String, SecretString>,
}

/// The files with the server's certificate and key.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate chain; the server's own certificate comes first.
    pub certificate: PathBuf,
    /// The private key of the server's certificate.
    pub key: PathBuf,
}

/// The name of the environment variable with a component's token.
#[must_use]
pub fn token_variable(component: &str) -> String {
    let name = component.replace('-', "_").to_ascii_uppercase();
    format!("{name}_ADAPTER_TOKEN")
}

/// The name of the environment variable from which Spin reads the same token. The adapter reads it
/// too, so one line in `.env` serves both.
#[must_use]
pub fn spin_variable(component: &str) -> String {
    format!("SPIN_VARIABLE_{}", token_variable(component))
}
