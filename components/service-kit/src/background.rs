//! Work that the answer does not wait for.

use crate::exchange;

/// Do `work` as part of the request that is being answered, also after the answer.
///
/// The instance lives until it is done, but a host that stops does not wait for it: it is for what
/// may be lost. Its failures are only logged.
pub fn background(work: impl Future<Output = ()> + 'static) {
    match exchange::current() {
        Some(exchange) => spin_sdk::wasip3::spawn(exchange::scope(exchange, work)),
        None => spin_sdk::wasip3::spawn(work),
    }
}
