//! `host-adapter serve`: the adapter's API for components that run elsewhere, and what belongs to
//! it, from the database to the delivery of messages.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};

use super::{
    Current, Invocation,
    mongodb::MongoDb,
    operation,
    run::{self, Banner, Mode, PeerUrl, Running},
};
use crate::{
    checks::Host,
    config::Settings,
    control::{Handler, Reply},
};
use adapter_api::Server;
use adapter_contract::Adapter;
use adapter_listening::Stop;

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    mongodb: MongoDb,
}

/// The API's listener.
struct Api {
    socket: TcpListener,
    address: SocketAddr,
}

/// Serves until Ctrl-C or SIGTERM.
pub(super) async fn run(options: &Serve, invocation: Invocation) -> anyhow::Result<()> {
    let socket = run::bind("server.address", invocation.settings.server.address).await?;
    let address = socket.local_addr()?;
    run::run(Api { socket, address }, &options.mongodb, invocation).await
}

impl Mode for Api {
    type Server = (Server, TcpListener);

    const HOST: Host = Host::Spin;

    /// A peer without a `url` is at the URL of the application, which also calls this API.
    fn peer_url(&self) -> PeerUrl {
        Arc::new(|settings, _| Some(settings.server.application.clone()))
    }

    fn banner(&self, settings: &Settings) -> Banner {
        let settings = &settings.server;
        // What `adapter_url` has to be for adapter-client.
        let scheme = if settings.tls_certificate.is_some() {
            "https"
        } else {
            "tcp"
        };
        let url = format!("{scheme}://{}", self.address);
        let hint = "Start the components in another terminal:  spin up --runtime-config-file runtime-config.toml";
        Banner {
            title: "Spindle's adapter is up",
            before: vec![("adapter".to_owned(), url)],
            after: vec![("peers".to_owned(), settings.application.clone())],
            hint: hint.to_owned(),
        }
    }

    fn load(
        self,
        current: &Current,
        adapters: HashMap<String, Arc<dyn Adapter>>,
    ) -> anyhow::Result<(Server, TcpListener)> {
        let settings = &current.get().settings;
        let server = Server::new(&settings.server, settings.listening, &adapters)?;
        Ok((server, self.socket))
    }

    async fn serve(
        (server, socket): (Server, TcpListener),
        running: Running,
        stop: Stop,
    ) -> anyhow::Result<usize> {
        let mut tasks = JoinSet::new();
        let socket_path = &running.current.get().settings.control.socket;
        operation::start(
            &mut tasks,
            socket_path,
            handler(),
            &stop.shutdown,
            || async {
                tracing::warn!("{SPIN_HOSTS}");
            },
        )
        .await;
        running.announce(None)?;
        server.run(socket, &stop).await
    }
}

/// The answer to every request to show or reload components.
const SPIN_HOSTS: &str = "this is `host-adapter serve`: Spin hosts the components, so stop and start `spin up` to replace one";

fn handler() -> Handler {
    Arc::new(|_| Box::pin(async { Reply::Failed(SPIN_HOSTS.to_owned()) }))
}
