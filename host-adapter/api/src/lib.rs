//! The adapter's HTTP API: `spindle:adapter` for components that run elsewhere, such as on stock Spin
//! with adapter-client composed into them.
//!
//! `POST /<interface>/<function>` with the arguments as a JSON array (`null` for none) is answered
//! with the function's result as JSON, `{"Ok": …}` or `{"Err": …}`. The JSON is what serde derives
//! from the types of [`adapter_contract`]; adapter-client generates its own from the same WIT. Any
//! other status than 200 says why there is no result, in words.
//!
//! Who calls decides what is granted, so nothing is answered before that is known. What is behind a
//! function is an [`adapter_contract::Adapter`], which this crate does not look into. Only
//! `host-adapter` depends on it.

mod callers;
mod connection;
mod functions;
mod prompt;
mod protocol;
mod refusal;
mod settings;
mod tls;

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use adapter_contract::Adapter;
use adapter_listening::{ListeningSettings, Serve};
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
    /// Reads certificates and binds each token, or each name in a certificate, to its component.
    ///
    /// # Errors
    ///
    /// A component has no token, or a file of certificates cannot be used; the text says which.
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
                ..listening
            },
        })
    }

    /// Serves until `shutdown`, and returns when the last call is answered.
    ///
    /// # Errors
    ///
    /// When the system gives no further thread.
    pub async fn run(
        self,
        socket: TcpListener,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let servers = |thread| -> Vec<Arc<dyn Serve>> {
            let connections = Connections {
                callers: Arc::new(self.callers.on_thread(thread)),
                tls: self.tls.clone(),
                settings: self.settings.clone(),
                header_timeout: self.listening.header_timeout,
            };
            vec![Arc::new(connections)]
        };
        let nobody = CancellationToken::new();
        adapter_listening::run(vec![socket], servers, self.listening, shutdown, &nobody).await
    }
}
