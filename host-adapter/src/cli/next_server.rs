//! Prepares another server beside the one that serves, with other settings.

use std::sync::Arc;

use anyhow::Context as _;

use super::{
    Invocation, migrate,
    run::{self, Running},
    servers::Servers,
    sockets::Sockets,
    up,
};
use crate::assembly::{self, Assembly};
use adapter_component_host::{Host, Report};

/// A server that can take over at once.
pub(super) struct NextServer {
    host: Host,
    sockets: Arc<Sockets>,
    assembly: Assembly,
    /// The migrations that were applied for it.
    pub(super) migrations: Vec<String>,
}

impl NextServer {
    /// Binds, connects, migrates, loads and checks everything that `next` says. `next` must be the current invocation.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting, an address, a database or a component. Except for applied migrations, nothing has
    /// changed then.
    pub(super) async fn prepare(
        running: &Running,
        servers: &Servers,
        next: &Invocation,
    ) -> anyhow::Result<Self> {
        let listen = &next.settings.listen;
        let sockets = Arc::new(Sockets::bind(listen, Some(&servers.sockets())).await?);
        let keys = assembly::keys(&next.settings)?;
        let peer_url = sockets.peer_url();
        let assembly = run::assemble(next, &running.admin, &keys, &peer_url).await?;
        let load = async {
            let documents = assembly.documents.as_ref();
            let migrations = migrate::all(next, &running.admin, documents).await?;
            up::compile_in_subprocess(next).await;
            let host = up::load(&running.current, &sockets, assembly.adapters())?;
            host.check().await?;
            anyhow::Ok((host, migrations))
        };
        match load.await {
            Ok((host, migrations)) => Ok(Self {
                host,
                sockets,
                assembly,
                migrations,
            }),
            Err(error) => {
                assembly.close().await;
                Err(error).context("the changed settings were not taken up")
            }
        }
    }

    /// Lets it accept connections. The previous server, with the settings of `previous`, finishes its requests.
    pub(super) async fn take_over(
        self,
        running: &Running,
        servers: &Servers,
        next: &Invocation,
        previous: &Invocation,
    ) -> Report {
        let before = servers.host().components();
        let report = Report::between(&before, &self.host.handle().components());
        self.sockets.log_new(&servers.sockets());
        let (next, previous) = (&next.settings, &previous.settings);
        servers.replace(self.host, self.sockets, next, previous);
        let grace = previous.host.request_timeout;
        running.background.replace(self.assembly, grace).await;
        tracing::info!(
            "another server accepts the connections; the previous one finishes its requests"
        );
        report
    }
}
