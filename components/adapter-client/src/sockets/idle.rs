//! The connections that wait for the next call.
//!
//! They are handles of the component's instance, so a call may take one that another call has opened. Only an
//! operation in progress belongs to its call, and an idle connection has none.

use std::cell::RefCell;
use std::time::Instant;

use adapter_wire::MAX_CLIENT_IDLE;

use super::connection::Connection;

/// Connections that an instance keeps: the requests that it works on at once (16), times the calls that a request
/// makes side by side. Further ones are closed after their call.
const MAX_IDLE: usize = 32;

thread_local! {
    static IDLE: RefCell<Vec<(Instant, Connection)>> = const { RefCell::new(Vec::new()) };
}

/// The connection that was used last. Those that have been idle for too long are closed.
pub(super) fn take() -> Option<Connection> {
    let (since, connection) = IDLE.with_borrow_mut(Vec::pop)?;
    if since.elapsed() < MAX_CLIENT_IDLE {
        return Some(connection);
    }
    drop(connection);
    // The others have been idle for longer.
    close();
    None
}

/// Closes all of them.
pub(super) fn close() {
    drop(IDLE.take());
}

/// Keeps a connection for the next call.
pub(super) fn keep(connection: Connection) {
    if !connection.is_clean() {
        return;
    }
    IDLE.with_borrow_mut(|idle| {
        if idle.len() < MAX_IDLE {
            idle.push((Instant::now(), connection));
        }
    });
}
