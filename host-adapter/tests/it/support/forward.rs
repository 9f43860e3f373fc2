//! A fixed address that forwards to a changing one, and can be cut off from it. Adapter and application each
//! need the other's address before the other has started, and a restarted adapter has another port.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// Where connections are forwarded to.
#[derive(Clone)]
enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It arrives.
    #[default]
    Open,
    /// All connections are closed, and new ones at once.
    Cut,
    /// It waits, and connections stay open, as in a network that loses everything.
    Stalled,
}

/// What happens on a connection that is not forwarded, after the client has sent something.
pub(crate) enum Fault {
    /// These bytes, and the end.
    Answer(Vec<u8>),
    /// These bytes, and nothing more until the client closes the connection.
    Keep(Vec<u8>),
}

/// The faults of the next connections on which a client sends all these texts first.
type Faults = Arc<Mutex<VecDeque<(Vec<String>, Fault)>>>;

#[derive(Clone, Default)]
struct State {
    target: Option<Target>,
    flow: Flow,
}

/// Forwards until the process ends.
pub(crate) struct Forwarder {
    pub(crate) url: String,
    state: watch::Sender<State>,
    faults: Faults,
    /// Each open connection holds a reference.
    open: Arc<()>,
}

impl Forwarder {
    /// Creates a forwarder without a target, which closes every connection.
    pub(crate) fn new() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", socket.local_addr().expect("address"));
        let (state, receiver) = watch::channel(State::default());
        let (faults, open) = (Faults::default(), Arc::default());
        let serve = accept(socket, receiver, faults.clone(), Arc::clone(&open));
        // It needs its own thread, because tests block theirs while they run other commands.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("runtime").block_on(serve);
        });
        Self {
            url,
            state,
            faults,
            open,
        }
    }

    /// Where it listens, with another scheme.
    pub(crate) fn url_as(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Forwards new connections to `url`.
    pub(crate) fn forward_to(&self, url: &str) {
        let (_, address) = url.split_once("://").expect("a scheme");
        let address = address.parse().expect("address");
        self.state
            .send_modify(|state| state.target = Some(Target::Tcp(address)));
    }

    /// Forwards new connections to a socket in the file system.
    pub(crate) fn forward_to_socket(&self, path: PathBuf) {
        self.state
            .send_modify(|state| state.target = Some(Target::Unix(path)));
    }

    /// Closes all connections, and returns when they are closed.
    pub(crate) async fn cut(&self) {
        self.set_flow(Flow::Cut);
        super::until("the end of all connections", async || {
            // One reference is here, and one is where connections are accepted.
            (Arc::strong_count(&self.open) == 2).then_some(())
        })
        .await;
        self.set_flow(Flow::Open);
    }

    /// The next connections on which a client sends all of `texts` first have these faults. Connections that are
    /// open are closed before.
    pub(crate) async fn fail_next(&self, texts: &[&str], faults: impl IntoIterator<Item = Fault>) {
        let texts: Vec<_> = texts.iter().copied().map(str::to_owned).collect();
        let faults = faults.into_iter().map(|fault| (texts.clone(), fault));
        self.faults.lock().expect("lock").extend(faults);
        self.cut().await;
    }

    /// Whether all faults have happened.
    pub(crate) fn has_failed(&self) -> bool {
        self.faults.lock().expect("lock").is_empty()
    }

    pub(crate) fn set_flow(&self, flow: Flow) {
        self.state.send_modify(|state| state.flow = flow);
    }
}

async fn accept(
    socket: std::net::TcpListener,
    state: watch::Receiver<State>,
    faults: Faults,
    open: Arc<()>,
) {
    socket.set_nonblocking(true).expect("socket");
    let socket = TcpListener::from_std(socket).expect("socket");
    while let Ok((near, _)) = socket.accept().await {
        let (mut cut, state) = (state.clone(), state.clone());
        let (faults, open) = (faults.clone(), open.clone());
        let serve = async move {
            if faults.lock().expect("lock").is_empty() {
                return forward(near, &[], state).await;
            }
            let mut near = near;
            let mut first = vec![0; 64 << 10];
            let length = near.read(&mut first).await?;
            match take_fault(&faults, &first[..length]) {
                Some(fault) => fail(near, fault).await,
                None => forward(near, &first[..length], state).await,
            }
        };
        tokio::spawn(async move {
            let _open = open;
            tokio::select! {
                _ = serve => {}
                Ok(_) = cut.wait_for(|state| state.flow == Flow::Cut) => {}
            }
        });
    }
}

/// The fault that is meant for a connection on which this was sent first.
fn take_fault(faults: &Faults, first: &[u8]) -> Option<Fault> {
    let contains = |text: &String| {
        first
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    let mut faults = faults.lock().expect("lock");
    let meant = faults
        .iter()
        .position(|(texts, _)| texts.iter().all(contains));
    Some(faults.remove(meant?)?.1)
}

async fn fail(mut near: TcpStream, fault: Fault) -> io::Result<()> {
    match fault {
        Fault::Answer(answer) => near.write_all(&answer).await,
        Fault::Keep(answer) => {
            near.write_all(&answer).await?;
            while near.read(&mut [0; 1024]).await? > 0 {}
            Ok(())
        }
    }
}

/// Forwards `first` and then everything else.
async fn forward(near: TcpStream, first: &[u8], state: watch::Receiver<State>) -> io::Result<()> {
    wait_while_stalled(&mut state.clone()).await;
    let target = state.borrow().target.clone();
    match target {
        Some(Target::Tcp(address)) => {
            join(near, first, TcpStream::connect(address).await?, state).await
        }
        Some(Target::Unix(path)) => {
            join(near, first, UnixStream::connect(path).await?, state).await
        }
        None => Ok(()),
    }
}

async fn join(
    near: TcpStream,
    first: &[u8],
    mut far: impl AsyncRead + AsyncWrite + Unpin,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.write_all(first).await?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = tokio::io::split(far);
    let there = pump(near_read, far_write, state.clone());
    let back = pump(far_read, near_write, state);
    tokio::try_join!(there, back).map(drop)
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        wait_while_stalled(&mut state).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// An error says that the forwarder was dropped. What it forwards goes on.
async fn wait_while_stalled(state: &mut watch::Receiver<State>) {
    let _ = state.wait_for(|state| state.flow != Flow::Stalled).await;
}
