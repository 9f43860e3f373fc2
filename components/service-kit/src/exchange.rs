//! The current request, which is available to all code that runs on its behalf.
//!
//! Problems contain the path of the request, and log lines contain its id. Passing both through every
//! function would clutter the code, so they are in a thread-local. It is set only while the future of
//! the request is polled, because an instance interleaves several requests on one thread.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use adapter_contract::deadline;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, Uri};

use crate::headers::{TRACEPARENT, X_SPINDLE_ROUTE};
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
    /// The position in the trace (W3C Trace Context), as the host or the client has sent it.
    pub(crate) traceparent: Option<HeaderValue>,
    /// When the caller stops waiting, if it has said it (`grpc-timeout`).
    pub(crate) deadline: Option<Instant>,
    /// Whether the host asks for the name of the route, as the embedded one does.
    pub(crate) wants_route: bool,
    /// The path of the route that answers, such as `/users/{id}`, once it is found.
    pub(crate) route: OnceCell<MatchedPath>,
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
            traceparent: request.headers().get(TRACEPARENT).cloned(),
            deadline: deadline(request),
            wants_route: request.headers().contains_key(X_SPINDLE_ROUTE),
            route: OnceCell::new(),
        }
    }

    /// The id of the trace: the second part of `traceparent`.
    pub(crate) fn trace_id(&self) -> Option<&str> {
        let traceparent = self.traceparent.as_ref()?.to_str().ok()?;
        let trace = traceparent.split('-').nth(1)?;
        let valid = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then_some(trace)
    }
}

fn deadline(request: &Request) -> Option<Instant> {
    let header = request.headers().get(deadline::HEADER)?.to_str().ok()?;
    Instant::now().checked_add(deadline::parse(header)?)
}

/// Returns how long the caller of the current request still waits, if it has said it.
pub fn time_left() -> Option<Duration> {
    let deadline = current()?.deadline?;
    Some(deadline.saturating_duration_since(Instant::now()))
}

/// Runs a future as part of an exchange.
pub(crate) async fn scope<F: Future>(exchange: Rc<Exchange>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(move |context| {
        let outer = CURRENT.replace(Some(Rc::clone(&exchange)));
        announce(&exchange);
        let poll = future.as_mut().poll(context);
        CURRENT.replace(outer);
        poll
    })
    .await
}

thread_local! {
    /// Whether adapter-client is composed in, and uses what it is told. The first request finds out.
    static COMPOSED: std::cell::Cell<bool> = const { std::cell::Cell::new(true) };
}

/// Whether adapter-client is composed in. Until the first request has found out, it seems to be.
pub(crate) fn is_composed() -> bool {
    COMPOSED.get()
}

/// Tells adapter-client for which request the next calls are made, if that has changed.
#[cfg(target_family = "wasm")]
fn announce(exchange: &Rc<Exchange>) {
    thread_local! {
        static LAST: RefCell<std::rc::Weak<Exchange>> = const { RefCell::new(std::rc::Weak::new()) };
    }
    let current = Rc::downgrade(exchange);
    if !COMPOSED.get() || LAST.with_borrow(|last| last.ptr_eq(&current)) {
        return;
    }
    let text = |value: Option<&HeaderValue>| {
        let text = value.and_then(|value| value.to_str().ok());
        text.unwrap_or_default().to_owned()
    };
    let traceparent = text(exchange.traceparent.as_ref());
    let request_id = text(Some(&exchange.request_id));
    let is_used = crate::adapter::context::enter(&request_id, &traceparent);
    if is_used && let Some(deadline) = exchange.deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        let milliseconds = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        crate::adapter::context::set_time_left(milliseconds);
    }
    COMPOSED.set(is_used);
    LAST.set(current);
}

/// Unit tests run natively, without an adapter.
#[cfg(not(target_family = "wasm"))]
fn announce(_: &Rc<Exchange>) {}

/// Keeps the path of the route that `request` has found, if the host asks for it.
pub(crate) fn found_route(request: &Request) {
    CURRENT.with_borrow(|current| {
        if let Some(exchange) = current
            && exchange.wants_route
            && let Some(path) = request.extensions().get::<MatchedPath>()
        {
            // A handler behind the guard finds the same route again.
            let _ = exchange.route.set(path.clone());
        }
    });
}

/// Returns the exchange that the running code is part of, or `None` while an instance starts.
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

    #[test]
    fn only_a_valid_trace_id_is_used() {
        let trace_id = |value: &'static str| {
            let request = Request::builder().header(TRACEPARENT, value);
            let request = request.body(Body::empty()).unwrap();
            Exchange::new("test", "0", &request)
                .trace_id()
                .map(str::to_owned)
        };
        let id = "0af7651916cd43dd8448eb211c80319c";
        let found = trace_id("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(found.as_deref(), Some(id));
        assert_eq!(trace_id("00-short-b7ad6b7169203331-01"), None);
        assert_eq!(trace_id("nothing"), None);
    }
}
