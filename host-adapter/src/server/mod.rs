//! The adapter's HTTP API: `spindle:adapter` for components that run elsewhere, such as on stock Spin
//! with adapter-client composed into them.
//!
//! `POST /<interface>/<function>` with the arguments as a JSON array (`null` for none) is answered
//! with the function's result as JSON, `{"Ok": …}` or `{"Err": …}`. The JSON is what serde derives
//! from the types that wasmtime generates from `wit/`; adapter-client's are generated from the same
//! files. Any other status than 200 says why there is no result, in words.
//!
//! Who calls decides what is granted, so nothing is answered before that is known.

mod callers;
mod connection;
mod functions;
mod prompt;
mod protocol;
mod refusal;
mod tls;

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    capabilities::Capabilities,
    config::Settings,
    listen::{self, Bounds, Serve},
};
use callers::Callers;
use connection::Connections;

/// The API, ready to serve.
pub struct Server {
    callers: Arc<Callers>,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    bounds: Bounds,
}

/// Bounds of one call. `config` documents each.
#[derive(Debug, Clone, Copy)]
struct Limits {
    max_body: usize,
    request_timeout: Duration,
    header_timeout: Duration,
}

impl Server {
    /// Reads certificates and binds each token, or each name in a certificate, to its component.
    ///
    /// # Errors
    ///
    /// A component has no token, or a file of certificates cannot be used; the text says which.
    pub fn new(
        settings: &Settings,
        capabilities: &HashMap<String, Arc<Capabilities>>,
    ) -> anyhow::Result<Self> {
        let (server, host) = (&settings.server, &settings.host);
        let tls = match &server.tls {
            Some(files) => {
                let config = tls::config(files, server.client_ca.as_deref());
                Some(TlsAcceptor::from(Arc::new(config.context("`[server]`")?)))
            }
            None => None,
        };
        Ok(Self {
            callers: Arc::new(Callers::new(server, capabilities)?),
            tls,
            limits: Limits {
                max_body: server.max_body,
                request_timeout: server.request_timeout,
                header_timeout: host.header_timeout,
            },
            bounds: Bounds {
                threads: host.threads as usize,
                max_connections: server.max_connections as usize,
                write_timeout: host.write_timeout,
                shutdown_timeout: host.shutdown_timeout,
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
        let servers = || -> Vec<Arc<dyn Serve>> {
            let connections = Connections {
                callers: self.callers.clone(),
                tls: self.tls.clone(),
                limits: self.limits,
            };
            vec![Arc::new(connections)]
        };
        let nobody = CancellationToken::new();
        listen::run(vec![socket], servers, self.bounds, shutdown, &nobody).await
    }
}
