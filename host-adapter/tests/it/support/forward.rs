//! An address that leads to another one, which may change: adapter and application each have to know
//! where the other is before it has started, and an adapter that is started again has another port.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::net::{TcpListener, TcpStream};

type Target = Arc<Mutex<Option<SocketAddr>>>;

/// Forwards until the process ends.
pub(crate) struct Forward {
    pub(crate) url: String,
    target: Target,
}

impl Forward {
    /// Leads nowhere yet: connections just close.
    pub(crate) fn new() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", socket.local_addr().expect("address"));
        let target = Target::default();
        let to = target.clone();
        // A thread of its own: tests block theirs while they run other commands.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("runtime").block_on(forward(socket, to));
        });
        Self { url, target }
    }

    /// New connections go to `url`.
    pub(crate) fn lead_to(&self, url: &str) {
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
