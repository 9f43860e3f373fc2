//! A fixed address that forwards to a changing one. Adapter and application each need the other's
//! address before the other has started, and a restarted adapter has another port.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::net::{TcpListener, TcpStream};

type Target = Arc<Mutex<Option<SocketAddr>>>;

/// Forwards until the process ends.
pub(crate) struct Forwarder {
    pub(crate) url: String,
    target: Target,
}

impl Forwarder {
    /// Creates a forwarder without a target, which closes every connection.
    pub(crate) fn new() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", socket.local_addr().expect("address"));
        let target = Target::default();
        let to = target.clone();
        // It needs its own thread, because tests block theirs while they run other commands.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("runtime").block_on(forward(socket, to));
        });
        Self { url, target }
    }

    /// Forwards new connections to `url`.
    pub(crate) fn forward_to(&self, url: &str) {
        let address = url.trim_start_matches("http://").parse().expect("address");
        *self.target.lock().expect("lock") = Some(address);
    }
}

async fn forward(socket: std::net::TcpListener, target: Target) {
    socket.set_nonblocking(true).expect("socket");
    let socket = TcpListener::from_std(socket).expect("socket");
    while let Ok((mut near, _)) = socket.accept().await {
        let target = *target.lock().expect("lock");
        tokio::spawn(async move {
            if let Some(target) = target
                && let Ok(mut far) = TcpStream::connect(target).await
            {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
