//! Adapts futures that stay on one thread to axum, which requires `Send`.

use send_wrapper::SendWrapper;

/// Makes a future `Send` for axum's bounds.
///
/// The futures of WIT imports hold raw pointers and are not `Send`. The wrapper checks that a future is
/// polled on the thread that created it. A component has only one thread, so the check never fails.
/// Only this crate needs the wrapper, so handlers and service functions are plain `async fn`s.
pub(crate) fn local<F: Future>(future: F) -> SendWrapper<F> {
    SendWrapper::new(future)
}

/// Runs a future that never waits.
#[cfg(test)]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Waker};
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits for something"),
    }
}
