//! The addresses that `up` and `serve` listen on: free, or used by what.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use super::sockets;
use crate::{
    checks::{Finding, Level},
    config::Settings,
};

const CHECK: &str = "ports";

/// The program's name in the system's list of processes.
const OURS: &str = "host-adapter";

pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let listen = &settings.listen;
    let app = ("listen.app".to_owned(), listen.app, Level::Error);
    let services = listen.services.iter();
    let services =
        services.map(|(name, address)| (format!("listen.{name}"), *address, Level::Error));
    // Only `serve` needs it.
    let server = (
        "server.address".to_owned(),
        settings.server.address,
        Level::Warning,
    );
    let management = (
        "management.address".to_owned(),
        settings.management.address,
        Level::Error,
    );
    let all = std::iter::once(app)
        .chain(services)
        .chain([server, management]);
    all.map(|(name, address, level)| check_address(&name, address, level))
        .collect()
}

/// Binds the address for a moment. `level` is how much it matters if that fails.
fn check_address(name: &str, address: SocketAddr, level: Level) -> Finding {
    if address.port() == 0 {
        return Finding::fine(CHECK, format!("`{name}` takes a free port"));
    }
    let change = format!("set `{name}` to another address");
    match TcpListener::bind(address).map_err(|error| error.kind()) {
        Ok(_) => Finding::fine(CHECK, format!("`{name}` {address} is free")),
        Err(ErrorKind::AddrInUse) => in_use(name, address, level, change),
        Err(ErrorKind::AddrNotAvailable) => {
            let what = format!("`{name}` is {address}, which is not an address of this machine");
            Finding::new(CHECK, level, what, change)
        }
        Err(ErrorKind::PermissionDenied) => {
            let what = format!("`{name}` is {address}, on which this user may not listen");
            Finding::new(
                CHECK,
                level,
                what,
                "set a port above 1023, or grant the right to listen there",
            )
        }
        Err(kind) => Finding::new(CHECK, level, format!("`{name}` {address}: {kind}"), change),
    }
}

fn in_use(name: &str, address: SocketAddr, level: Level, change: String) -> Finding {
    match sockets::listening_process(address.port()) {
        Some((program, id)) if program == OURS => Finding::fine(
            CHECK,
            format!("`{name}` {address} is used by host-adapter (process {id}), which is running"),
        ),
        Some((program, id)) => Finding::new(
            CHECK,
            level,
            format!("`{name}` {address} is used by {program} (process {id})"),
            format!("stop that process, or {change}"),
        ),
        None => Finding::new(
            CHECK,
            level,
            format!("`{name}` {address} is used by another process"),
            format!("stop that process, or {change}"),
        ),
    }
}
