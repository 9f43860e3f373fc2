//! `host-adapter serve`: the adapter's API for components that run elsewhere, and what belongs to
//! it, from the database to the delivery of messages.

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Invocation, background::Background, database::Database, migrate, print,
    shutdown::shutdown_signal,
};
use crate::{
    assembly::{self, Assembly},
    capabilities::vault::KeyRing,
    listen,
    server::Server,
};

/// Serves until Ctrl-C or SIGTERM, then finishes what is in flight and stops what it started.
pub(super) async fn run(invocation: Invocation) -> anyhow::Result<()> {
    let address = invocation.settings.server.address;
    // Before anything is started, so that a mistake here costs nothing.
    let socket = listen::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: set `server.address` in adapter.toml, or `SPINDLE_SERVER_ADDRESS`, to another address")
    })?;
    let keys = assembly::keys(&invocation.settings)?;
    let shutdown = shutdown_signal()?;
    let database = Database::open(&invocation).await?;
    let result = serve(&invocation, &database, &keys, socket, &shutdown).await;
    database.close().await;
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
    let Assembly {
        capabilities,
        relays,
        sessions,
        pools,
        ..
    } = assembly;
    let server = Server::new(&invocation.settings, &capabilities)?;
    let background = Background::start(relays, sessions, pools, shutdown);
    print(&banner(invocation, database, &socket)?)?;
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
    migrate::all(invocation, &database.admin).await?;
    Ok(assembly)
}

fn banner(
    invocation: &Invocation,
    database: &Database,
    socket: &TcpListener,
) -> anyhow::Result<String> {
    let settings = &invocation.settings.server;
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let address = socket.local_addr()?;
    Ok(format!(
        "\nSpindle's adapter is up (Ctrl-C stops it)\n\n  {:<12} {scheme}://{address}\n  {:<12} {}\n  {:<12} in PostgreSQL\n  {:<12} {}\n\n\
         Start the components in another terminal:  spin up --runtime-config-file runtime-config.toml",
        "adapter",
        "PostgreSQL",
        database.describe(),
        "documents",
        "peers",
        settings.application,
    ))
}
