//! `host-adapter serve`: the adapter's API for components that run elsewhere, and what belongs to
//! it, from the database to the delivery of messages.

use std::fmt::Write as _;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Invocation, background::Background, database::Database, migrate, mongodb::MongoDb, print,
    shutdown::shutdown_signal,
};
use adapter_api::Server;
use adapter_capabilities::vault::KeyRing;
use adapter_listening::Bounds;

use crate::assembly::{self, Assembly};

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    mongodb: MongoDb,
}

/// Serves until Ctrl-C or SIGTERM, then finishes what is in flight and stops what it started.
pub(super) async fn run(options: &Serve, mut invocation: Invocation) -> anyhow::Result<()> {
    let address = invocation.settings.server.address;
    // Before anything is started, so that a mistake here costs nothing.
    let socket = adapter_listening::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: set `server.address` in adapter.toml, or `SPINDLE_SERVER_ADDRESS`, to another address")
    })?;
    let keys = assembly::keys(&invocation.settings)?;
    let shutdown = shutdown_signal()?;
    let mongodb = options.mongodb.start(&mut invocation).await?;
    let database = Database::open(&invocation).await?;
    let result = serve(&invocation, &database, &keys, socket, &shutdown).await;
    database.close().await;
    if let Some(mongodb) = mongodb {
        mongodb.stop().await;
    }
    result
}

async fn serve(
    invocation: &Invocation,
    database: &Database,
    keys: &KeyRing,
    socket: TcpListener,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let assembly = tokio::select! {
        prepared = prepare(invocation, database, keys) => prepared?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let (api, host) = (&invocation.settings.server, &invocation.settings.host);
    let bounds = Bounds {
        threads: host.threads as usize,
        max_connections: api.max_connections as usize,
        write_timeout: host.write_timeout,
        shutdown_timeout: host.shutdown_timeout,
    };
    let server = Server::new(api, bounds, host.header_timeout, &assembly.adapters())?;
    let banner = banner(invocation, database, &assembly, &socket)?;
    let background = Background::start(assembly, shutdown);
    print(&banner)?;
    server.run(socket, shutdown).await?;
    background
        .finish(invocation.settings.host.shutdown_timeout)
        .await;
    Ok(())
}

/// Peers without a `url` are where the application is that calls.
async fn prepare(
    invocation: &Invocation,
    database: &Database,
    keys: &KeyRing,
) -> anyhow::Result<Assembly> {
    let settings = &invocation.settings;
    let assembly = assembly::assemble(settings, &database.admin, keys).await?;
    for name in settings.peers.keys() {
        if assembly.peers.get(name).is_none() {
            let url = &settings.server.application;
            assembly
                .peers
                .set(name, url.parse().context("`server.application`")?);
        }
    }
    migrate::all(invocation, &database.admin, assembly.documents.as_ref()).await?;
    Ok(assembly)
}

fn banner(
    invocation: &Invocation,
    database: &Database,
    assembly: &Assembly,
    socket: &TcpListener,
) -> anyhow::Result<String> {
    let settings = &invocation.settings.server;
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let address = socket.local_addr()?;
    let mut text = String::from("\nSpindle's adapter is up (Ctrl-C stops it)\n\n");
    writeln!(text, "  {:<12} {scheme}://{address}", "adapter")?;
    writeln!(text, "  {:<12} {}", "PostgreSQL", database.describe())?;
    if let Some(store) = &assembly.documents {
        writeln!(text, "  {:<12} {}", "documents", store.describe())?;
    }
    writeln!(text, "  {:<12} {}", "peers", settings.application)?;
    write!(
        text,
        "\nStart the components in another terminal:  spin up --runtime-config-file runtime-config.toml"
    )?;
    Ok(text)
}
