//! Settings of the API.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use adapter_settings::{GIB, HOUR, Integer, KIB, MINUTE, SECOND, Size, Time};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Settings of the adapter's API.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ApiSettings {
    /// Where it listens. On any other address than loopback TLS is required, because calls carry
    /// passwords.
    #[serde(with = "adapter_settings::address")]
    pub address: SocketAddr,
    /// The application that calls it: peers without a `url` are there. The default is where `spin up`
    /// listens.
    pub application: String,
    /// Certificate chain as a PEM file, the server's own first. Without it the API is plain.
    #[serde(with = "adapter_settings::path")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key as a PEM file.
    #[serde(with = "adapter_settings::path")]
    pub tls_key: Option<PathBuf>,
    /// Certificates of authorities as a PEM file. With it, a client certificate says which component
    /// calls, and no token is needed.
    #[serde(with = "adapter_settings::path")]
    pub client_ca: Option<PathBuf>,
    /// Largest call, in bytes. The most that a component can sensibly send is a transaction with 50
    /// messages of 256 KiB.
    #[serde(with = "Size::<{ 64 * KIB }, GIB>")]
    pub max_body: usize,
    /// Time for one call in all. Longer than every time limit of a capability, so that a capability
    /// can still say what was too slow.
    #[serde(with = "Time::<100, { 5 * MINUTE }>")]
    pub request_timeout: Duration,
    /// Calls in flight per component. Further ones are rejected. The default is sixteen instances of
    /// sixteen requests each, as Spin runs them; more would wait for connections to PostgreSQL.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_requests: usize,
    /// Open connections. Further ones wait to be accepted. The default is `max_requests` of four
    /// components.
    #[serde(with = "Integer::<1, 100_000>")]
    pub max_connections: usize,
    /// How long a connection of frames is kept without a call. A client uses one again within a second, or not at
    /// all. Then it only takes a place among the open connections.
    #[serde(with = "Time::<{ 2 * SECOND }, HOUR>")]
    pub idle_timeout: Duration,
    /// Tokens by component, which come from variables only.
    #[serde(skip)]
    pub tokens: BTreeMap<String, SecretString>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 9_000).into(),
            application: "http://127.0.0.1:3000".to_owned(),
            tls_certificate: None,
            tls_key: None,
            client_ca: None,
            max_body: 16 << 20,
            request_timeout: Duration::from_secs(10),
            max_requests: 256,
            max_connections: 1_024,
            idle_timeout: Duration::from_secs(5),
            tokens: BTreeMap::new(),
        }
    }
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
