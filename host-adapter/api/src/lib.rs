//! The adapter's API: `spindle:adapter` for components on another host, such as stock Spin with
//! adapter-client composed into them.
//!
//! One port serves both ways of [`adapter_wire`]: frames (`sockets`) and HTTP (`web`). With TLS it
//! serves HTTP only.
//!
//! The grants depend on the caller, so a call is handled only when the caller is identified. The
//! functions are those of an [`adapter_contract::Adapter`], whose implementation this crate does not
//! know. Only `host-adapter` depends on this crate.

mod call;
mod callers;
mod connection;
mod frames;
mod functions;
#[cfg(test)]
mod fuzz;
mod metrics;
mod protocol;
mod quick_ack;
mod rejection;
mod settings;
mod sockets;
mod tls;
mod web;

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use adapter_contract::Adapter;
use adapter_listening::{ListeningSettings, Serve, Stop};
use callers::Callers;
use connection::Connections;
pub use settings::{ApiSettings, spin_variable, token_variable};

/// The API, ready to serve.
pub struct Server {
    callers: Callers,
    tls: Option<TlsAcceptor>,
    settings: Arc<ApiSettings>,
    listening: ListeningSettings,
}

impl Server {
    /// Reads the certificates, and assigns each token or certificate name to its component.
    ///
    /// # Errors
    ///
    /// A component has no token, or a certificate file is not valid; the text says which.
    pub fn new(
        settings: &ApiSettings,
        listening: ListeningSettings,
        adapters: &HashMap<String, Arc<dyn Adapter>>,
    ) -> anyhow::Result<Self> {
        let tls = match (&settings.tls_certificate, &settings.tls_key) {
            (Some(certificate), Some(key)) => {
                let config = tls::config(certificate, key, settings.client_ca.as_deref());
                Some(TlsAcceptor::from(Arc::new(config.context("`[server]`")?)))
            }
            _ => None,
        };
        Ok(Self {
            callers: Callers::new(settings, adapters)?,
            tls,
            settings: Arc::new(settings.clone()),
            listening: ListeningSettings {
                max_connections: settings.max_connections,
                // The components of one other host are one client, and are identified.
                max_connections_per_client: settings.max_connections,
                ..listening
            },
        })
    }

    /// Serves until `stop`. Returns when the last call is answered or the time for that is over, with the
    /// number of calls that were cut off.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or has panicked.
    pub async fn run(self, socket: TcpListener, stop: &Stop) -> anyhow::Result<usize> {
        let servers = |thread| -> Vec<Arc<dyn Serve>> {
            let connections = Connections {
                callers: Arc::new(self.callers.on_thread(thread)),
                tls: self.tls.clone(),
                settings: self.settings.clone(),
                header_timeout: self.listening.header_timeout,
                draining: stop.draining.clone(),
                write_timeout: self.listening.write_timeout,
            };
            vec![Arc::new(connections)]
        };
        let unused = CancellationToken::new();
        adapter_listening::run(vec![socket], servers, self.listening, stop, &unused).await
    }
}
