//! Work that the answer does not wait for.

use std::pin::Pin;

use crate::exchange;

/// Runs `work` as part of the current request. It may continue after the answer.
///
/// The instance lives until `work` is done, but a host that shuts down does not wait for it. Use it for
/// work that may be lost. The work must log its own failures.
pub fn background(work: impl Future<Output = ()> + 'static) {
    spawn(Box::pin(work));
}

/// In a box, so that a component contains this code once.
fn spawn(work: Pin<Box<dyn Future<Output = ()>>>) {
    match exchange::current() {
        Some(exchange) => spin_sdk::wasip3::spawn(exchange::scope(exchange, work)),
        None => spin_sdk::wasip3::spawn(work),
    }
}
