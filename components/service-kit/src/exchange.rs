//! The current request, which is available to all code that runs on its behalf.
//!
//! Problems contain the path of the request, and log lines contain its id. Passing both through every
//! function would clutter the code, so they are in a thread-local. It is set only while the future of
//! the request is polled, because an instance interleaves several requests on one thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri};

use crate::request_id;

/// The parts of a request's head that answers and log lines need.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The service's name.
    pub(crate) name: &'static str,
    /// The service's version.
    pub(crate) version: &'static str,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) request_id: HeaderValue,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Exchange>>> = const { RefCell::new(None) };
}

impl Exchange {
    pub(crate) fn new(name: &'static str, version: &'static str, request: &Request) -> Self {
        Self {
            name,
            version,
            method: request.method().clone(),
            uri: request.uri().clone(),
            request_id: request_id::of(request.headers()),
        }
    }
}

/// Runs a future as part of an exchange.
pub(crate) async fn scope<F: Future>(exchange: Rc<Exchange>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(move |context| {
        let outer = CURRENT.replace(Some(Rc::clone(&exchange)));
        let poll = future.as_mut().poll(context);
        CURRENT.replace(outer);
        poll
    })
    .await
}

/// The exchange that the running code is part of; none while an instance starts.
pub(crate) fn current() -> Option<Rc<Exchange>> {
    CURRENT.with_borrow(Option::clone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block_on;
    use axum::body::Body;

    fn exchange(path: &str) -> Rc<Exchange> {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        Rc::new(Exchange::new("test", "0", &request))
    }

    fn path() -> Option<String> {
        current().map(|exchange| exchange.uri.path().to_owned())
    }

    #[test]
    fn an_exchange_is_known_inside_its_scope_only() {
        assert_eq!(path(), None);
        let inner = block_on(scope(exchange("/outer"), async {
            let inner = scope(exchange("/inner"), async { path() }).await;
            (inner, path())
        }));
        assert_eq!(
            inner,
            (Some("/inner".to_owned()), Some("/outer".to_owned()))
        );
        assert_eq!(path(), None);
    }
}
