//! Futures that never leave their thread, where axum asks for `Send`.

use send_wrapper::SendWrapper;

/// Make a future `Send` for axum's bounds.
///
/// The futures of WIT imports hold raw pointers and are not `Send`. A component has one thread, so
/// the wrapper's check (that it is polled where it was made) always holds. All uses are in this
/// crate, which is why handlers and service functions are plain `async fn`s.
pub(crate) fn local<F: Future>(future: F) -> SendWrapper<F> {
    SendWrapper::new(future)
}

/// Run a future that waits for nothing.
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
