//! What `up` and `serve` have in common, in order: bind the listeners, start the databases, assemble,
//! migrate, say where everything is, serve until told to stop, and stop what was started.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Current, Invocation, background::Background, database::Database, migrate, mongodb::MongoDb,
    operations::ProcessOperations, print, reloader::Reloader, shutdown::shutdown_signal,
    start_checks,
};
use crate::{
    assembly::{self, Assembly},
    checks::Host,
    config::Settings,
};
use adapter_capabilities::vault::KeyRing;
use adapter_contract::Adapter;
use adapter_listening::Stop;
use adapter_management::Management;

/// The URL of a peer for which the settings have none.
pub(super) type PeerUrl = Arc<dyn Fn(&Settings, &str) -> Option<String> + Send + Sync>;

/// What a server needs while it runs.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) current: Current,
    /// The administrative connection.
    pub(super) admin: PgConnectOptions,
    pub(super) background: Arc<Background>,
    pub(super) shutdown: CancellationToken,
    /// What the checks at the start warned of.
    pub(super) warnings: BTreeSet<String>,
    /// To be printed when everything answers.
    pub(super) banner: String,
    /// Becomes ready when everything answers.
    pub(super) management: Arc<Management>,
}

impl Running {
    /// Says that everything answers. `reloader` is that of the components, if this process hosts them.
    pub(super) fn announce(&self, reloader: Option<Reloader>) -> anyhow::Result<()> {
        let operations = Arc::new(ProcessOperations::new(self, reloader));
        if let Some(traces) = &self.current.get().traces {
            self.management.serve(operations, traces.store.clone());
        }
        print(&self.banner)
    }
}

/// What a command serves, on listeners that are bound.
pub(super) trait Mode: Sized {
    /// Ready to serve.
    type Server;

    /// What runs the components.
    const HOST: Host;

    /// Where peers are that the settings give no URL.
    fn peer_url(&self) -> PeerUrl;

    /// What takes long and needs no database.
    async fn prepare(&self, _: &Invocation) {}

    /// The lines of the banner that follow the databases.
    fn banner(&self, settings: &Settings) -> Banner;

    /// Reads what is to be served.
    fn load(
        self,
        current: &Current,
        adapters: HashMap<String, Arc<dyn Adapter>>,
    ) -> anyhow::Result<Self::Server>;

    /// Serves until `stop`. Returns when the last request is answered or the time for that is over, with the
    /// number of requests that were cut off.
    async fn serve(server: Self::Server, running: Running, stop: Stop) -> anyhow::Result<usize>;
}

/// What is printed once everything is up.
pub(super) struct Banner {
    pub(super) title: &'static str,
    /// Names and locations: the lines above those of the databases, and the lines below.
    pub(super) before: Vec<(String, String)>,
    pub(super) after: Vec<(String, String)>,
    /// What to do next.
    pub(super) hint: String,
}

/// Serves until Ctrl-C or SIGTERM, then finishes what is in flight and stops what it started.
///
/// `mode` has bound its listeners before anything is started, so that a mistake there costs nothing.
pub(super) async fn run<M: Mode>(
    mode: M,
    mongodb: &MongoDb,
    mut invocation: Invocation,
) -> anyhow::Result<()> {
    let keys = assembly::keys(&invocation.settings)?;
    let warnings = start_checks::run(&invocation, M::HOST)?;
    let management = Arc::new(management(&invocation.settings)?);
    let current = Current::new(invocation.clone());
    let drain_delay = {
        let current = current.clone();
        move || current.get().settings.listening.drain_delay
    };
    let stop = shutdown_signal(drain_delay)?;
    let mongodb = mongodb.start(&mut invocation).await?;
    let mut database = Database::open(&invocation).await?;
    database.supervise();
    current.set(Arc::new(invocation));
    let result = serve(
        mode,
        current,
        &database,
        Prepared {
            keys,
            management,
            warnings,
        },
        stop,
    )
    .await;
    database.close().await;
    if let Some(mongodb) = mongodb {
        mongodb.stop().await;
    }
    result
}

/// What is there before the database.
struct Prepared {
    keys: KeyRing,
    management: Arc<Management>,
    warnings: BTreeSet<String>,
}

async fn serve<M: Mode>(
    mode: M,
    current: Current,
    database: &Database,
    prepared: Prepared,
    stop: Stop,
) -> anyhow::Result<()> {
    let Prepared {
        keys,
        management,
        warnings,
    } = prepared;
    let invocation = current.get();
    let settings = &invocation.settings;
    let peer_url = mode.peer_url();
    let start = async {
        let assembly = assemble(&invocation, &database.admin, &keys, &peer_url).await?;
        let documents = assembly.documents.as_ref();
        migrate::all(&invocation, &database.admin, documents).await?;
        mode.prepare(&invocation).await;
        anyhow::Ok(assembly)
    };
    let assembly = tokio::select! {
        assembly = start => assembly?,
        // Nothing has been served, so nothing is to be drained.
        () = stop.draining.cancelled() => return Ok(()),
    };
    let mut banner = mode.banner(settings);
    let url = format!("http://{}", management.address()?);
    banner.before.push(("management".to_owned(), url));
    let banner = banner.text(database, &assembly)?;
    let server = mode.load(&current, assembly.adapters())?;
    let background = Arc::new(Background::start(assembly, &stop.shutdown));
    let running = Running {
        current: current.clone(),
        admin: database.admin.clone(),
        background: background.clone(),
        shutdown: stop.shutdown.clone(),
        warnings,
        banner,
        management: management.clone(),
    };
    let served = M::serve(server, running, stop.clone());
    let stopping = async {
        stop.draining.cancelled().await;
        management.stopping();
        std::future::pending().await
    };
    let requests = tokio::select! {
        served = served => served?,
        never = stopping => never,
    };
    // A reload may have changed it.
    let timeout = current.get().settings.listening.shutdown_timeout;
    let messages = background.finish(timeout).await;
    report_end(requests, messages, timeout);
    Ok(())
}

/// Says what did not end in time.
fn report_end(requests: usize, messages: usize, timeout: Duration) {
    if requests > 0 {
        tracing::warn!(
            "stopped: {requests} requests were cut off after {timeout:?} (`host.shutdown_timeout`), \
             {messages} messages handed back"
        );
    } else {
        tracing::info!("stopped: 0 requests were cut off, {messages} messages handed back");
    }
}

/// Prepares the databases and connects everything, the peers as well.
pub(super) async fn assemble(
    invocation: &Invocation,
    admin: &PgConnectOptions,
    keys: &KeyRing,
    peer_url: &PeerUrl,
) -> anyhow::Result<Assembly> {
    let settings = &invocation.settings;
    let assembly = assembly::assemble(settings, admin, keys).await?;
    for peer in settings.peers.keys() {
        if assembly.peers.get(peer).is_none()
            && let Some(url) = peer_url(settings, peer)
        {
            let url = url
                .parse()
                .with_context(|| format!("the URL of `{peer}`"))?;
            assembly.peers.set(peer, url);
        }
    }
    Ok(assembly)
}

impl Banner {
    fn text(self, database: &Database, assembly: &Assembly) -> anyhow::Result<String> {
        let mut lines = self.before;
        lines.push(("PostgreSQL".to_owned(), database.describe()));
        if let Some(store) = &assembly.documents {
            lines.push(("documents".to_owned(), store.describe()));
        }
        lines.extend(self.after);
        let mut text = format!("\n{} (Ctrl-C stops it)\n\n", self.title);
        for (what, place) in lines {
            writeln!(text, "  {what:<12} {place}")?;
        }
        write!(text, "\n{}", self.hint)?;
        Ok(text)
    }
}

/// Starts the management port, first of all: it tells a platform that the process is starting.
fn management(settings: &Settings) -> anyhow::Result<Management> {
    adapter_telemetry::metrics::register_process(env!("CARGO_PKG_VERSION"));
    let address = settings.management.address;
    let access = settings.management_access.clone();
    Management::start(&settings.management, access)
        .with_context(|| cannot_listen("management.address", address))
}

/// Binds a listener whose address is the setting `name`.
pub(super) async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = adapter_listening::bind(address).await;
    socket.with_context(|| cannot_listen(name, address))
}

/// Why a listener cannot be bound, with what to change. `name` is that of its setting.
pub(super) fn cannot_listen(name: &str, address: SocketAddr) -> String {
    let variable = name.replace(['.', '-'], "_").to_ascii_uppercase();
    format!(
        "cannot listen on {address}: set `{name}` in adapter.toml, or `SPINDLE_{variable}`, to another address"
    )
}
