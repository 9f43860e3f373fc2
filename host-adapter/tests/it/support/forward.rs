//! A fixed address that forwards to a changing one, and can be cut off from it. Adapter and application each
//! need the other's address before the other has started, and a restarted adapter has another port.

use std::{io, net::SocketAddr, path::PathBuf};

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

#[derive(Clone, Default)]
struct State {
    target: Option<Target>,
    flow: Flow,
}

/// Forwards until the process ends.
pub(crate) struct Forwarder {
    pub(crate) url: String,
    state: watch::Sender<State>,
}

impl Forwarder {
    /// Creates a forwarder without a target, which closes every connection.
    pub(crate) fn new() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", socket.local_addr().expect("address"));
        let (state, receiver) = watch::channel(State::default());
        // It needs its own thread, because tests block theirs while they run other commands.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("runtime").block_on(accept(socket, receiver));
        });
        Self { url, state }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Forwards new connections to `url`.
    pub(crate) fn forward_to(&self, url: &str) {
        let address = url.trim_start_matches("http://").parse().expect("address");
        self.state
            .send_modify(|state| state.target = Some(Target::Tcp(address)));
    }

    /// Forwards new connections to a socket in the file system.
    pub(crate) fn forward_to_socket(&self, path: PathBuf) {
        self.state
            .send_modify(|state| state.target = Some(Target::Unix(path)));
    }

    pub(crate) fn set_flow(&self, flow: Flow) {
        self.state.send_modify(|state| state.flow = flow);
    }
}

async fn accept(socket: std::net::TcpListener, state: watch::Receiver<State>) {
    socket.set_nonblocking(true).expect("socket");
    let socket = TcpListener::from_std(socket).expect("socket");
    while let Ok((near, _)) = socket.accept().await {
        let (mut cut, state) = (state.clone(), state.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = forward(near, state) => {}
                Ok(_) = cut.wait_for(|state| state.flow == Flow::Cut) => {}
            }
        });
    }
}

async fn forward(near: TcpStream, state: watch::Receiver<State>) -> io::Result<()> {
    wait_while_stalled(&mut state.clone()).await;
    let target = state.borrow().target.clone();
    match target {
        Some(Target::Tcp(address)) => join(near, TcpStream::connect(address).await?, state).await,
        Some(Target::Unix(path)) => join(near, UnixStream::connect(path).await?, state).await,
        None => Ok(()),
    }
}

async fn join(
    near: TcpStream,
    far: impl AsyncRead + AsyncWrite,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    near.set_nodelay(true)?;
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
