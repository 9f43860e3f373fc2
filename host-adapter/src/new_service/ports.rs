//! The port on which a new service is served alone.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, bail};

use crate::config::Settings;

/// The port before the first one that is chosen, if no other service is served alone.
const BEFORE_FIRST: u16 = 8000;

/// The requested port if it is free, or else the first free one after those of the other services.
pub(super) fn choose(requested: Option<u16>, settings: &Settings) -> anyhow::Result<u16> {
    let taken = taken(settings);
    if let Some(port) = requested {
        if let Some((owner, _)) = taken.iter().find(|(_, address)| address.port() == port) {
            bail!("port {port} is that of `{owner}`: choose another one with `--port`");
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} is in use: choose another one with `--port`"))?;
        return Ok(port);
    }
    let others = settings.listen.services.values().map(SocketAddr::port);
    let last = others.max().unwrap_or_default().max(BEFORE_FIRST);
    let is_free = |port: &u16| taken.iter().all(|(_, address)| address.port() != *port);
    let port = (last.saturating_add(1)..=u16::MAX).find(is_free);
    port.context("no port is free after those of the other services: choose one with `--port`")
}

/// Each address of the settings, with the name of its setting.
fn taken(settings: &Settings) -> Vec<(String, SocketAddr)> {
    let services = settings.listen.services.iter();
    let services = services.map(|(name, address)| (format!("listen.{name}"), *address));
    let own = [
        ("listen.app".to_owned(), settings.listen.app),
        ("server.address".to_owned(), settings.server.address),
        ("management.address".to_owned(), settings.management.address),
    ];
    services.chain(own).collect()
}
