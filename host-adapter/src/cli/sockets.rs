//! The sockets of `up`. They outlive the servers that accept from them, so that no port closes when another server
//! takes over.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;

use super::{
    Invocation,
    run::{self, PeerUrl},
    up,
};
use crate::config::Listen;
use adapter_component_host::Source;

/// The listener of the whole application among the services' own.
pub(super) const APPLICATION: &str = "app";

/// The application's socket first, then those of services that are also served alone.
pub(super) struct Sockets(Vec<Socket>);

/// A listener's name in `[listen]`, and its socket.
#[derive(Clone)]
struct Socket {
    name: String,
    /// The address in the settings, whose port may be 0.
    asked: SocketAddr,
    address: SocketAddr,
    socket: Arc<std::net::TcpListener>,
}

impl Sockets {
    /// Binds the addresses that `previous` does not have, and takes over the others.
    ///
    /// # Errors
    ///
    /// An address cannot be bound. The text names its setting.
    pub(super) async fn bind(listen: &Listen, previous: Option<&Self>) -> anyhow::Result<Self> {
        let services = listen.services.iter();
        let services = services.map(|(name, address)| (name.as_str(), *address));
        let mut sockets = Vec::new();
        for (name, asked) in std::iter::once((APPLICATION, listen.app)).chain(services) {
            sockets.push(
                match previous.and_then(|sockets| sockets.find(name, asked)) {
                    Some(socket) => socket,
                    None => Socket::bind(name, asked).await?,
                },
            );
        }
        Ok(Self(sockets))
    }

    fn find(&self, name: &str, asked: SocketAddr) -> Option<Socket> {
        // Every listener with port 0 has a port of its own.
        let same =
            |socket: &&Socket| socket.asked == asked && (socket.name == name || asked.port() != 0);
        let known = self.0.iter().find(same)?;
        Some(Socket {
            name: name.to_owned(),
            ..known.clone()
        })
    }

    /// What a server accepts from, each with the manifest that it serves.
    ///
    /// # Errors
    ///
    /// The process is out of file descriptors.
    pub(super) fn sources(&self, invocation: &Invocation) -> anyhow::Result<Vec<Source>> {
        let sources = self.0.iter().map(|socket| {
            Ok(Source {
                manifest: up::manifest(invocation, &socket.name),
                listener: socket.name.clone(),
                socket: TcpListener::from_std(socket.socket.try_clone()?)?,
            })
        });
        sources.collect()
    }

    /// The name and URL of each listener; the application's first, as "all routes".
    pub(super) fn urls(&self) -> Vec<(String, String)> {
        let urls = self.0.iter().map(|socket| {
            let name = match socket.name.as_str() {
                APPLICATION => "all routes",
                name => name,
            };
            (name.to_owned(), socket.url())
        });
        urls.collect()
    }

    /// The URL of all routes.
    pub(super) fn application(&self) -> String {
        self.0.first().map(Socket::url).unwrap_or_default()
    }

    /// A peer without a URL is at its own listener, or else within the application.
    pub(super) fn peer_url(&self) -> PeerUrl {
        let application = self.application();
        let sockets = self.0.iter();
        let services = sockets.map(|socket| (socket.name.clone(), socket.url()));
        let services: HashMap<String, String> = services.collect();
        Arc::new(move |_, peer| Some(services.get(peer).unwrap_or(&application).clone()))
    }

    /// Says where something is served that `previous` did not serve.
    pub(super) fn log_new(&self, previous: &Self) {
        for socket in &self.0 {
            let mut known = previous.0.iter();
            if !known.any(|one| one.name == socket.name && one.address == socket.address) {
                tracing::info!("`{}` listens on {}", socket.name, socket.url());
            }
        }
    }
}

impl Socket {
    async fn bind(name: &str, asked: SocketAddr) -> anyhow::Result<Self> {
        let socket = run::bind(&format!("listen.{name}"), asked).await?;
        Ok(Self {
            name: name.to_owned(),
            asked,
            address: socket.local_addr()?,
            socket: Arc::new(socket.into_std()?),
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
