//! Which request a call of a component belongs to.
//!
//! An instance handles several requests at once, and all their calls come from one task of the host. So
//! the host notes the guest task that handles each request, and finds it again from the call stack of a
//! host function.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Span;
use wasmtime::{AsContextMut, component::GuestTaskId};

/// The requests that an instance is handling: at most `concurrency_per_instance`, so a list is searched
/// faster than a map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Running>>>);

/// A request on its way to an instance.
#[derive(Debug, Clone)]
pub(crate) struct TracedRequest {
    /// What works for the request runs in it.
    pub(crate) span: Span,
    /// The id as the component writes it into its log lines.
    id: Arc<str>,
}

/// A request that an instance is handling.
#[derive(Debug)]
struct Running {
    task: GuestTaskId,
    request: TracedRequest,
}

impl TracedRequest {
    pub(crate) fn new(span: Span, id: &str) -> Self {
        Self {
            span,
            id: format!("\"request_id\":\"{id}\"").into(),
        }
    }
}

/// Forgets a request when it is dropped.
pub(crate) struct RequestGuard {
    requests: Requests,
    task: GuestTaskId,
}

impl Requests {
    /// Notes that `task` handles `request`, until the guard is dropped.
    pub(crate) fn enter(&self, task: GuestTaskId, request: TracedRequest) -> RequestGuard {
        self.lock().push(Running { task, request });
        RequestGuard {
            requests: self.clone(),
            task,
        }
    }

    /// The span of the request for which the guest in `store` is calling, or of none: a guest may go on
    /// working after its response.
    pub(crate) fn current(&self, mut store: impl AsContextMut) -> Span {
        let mut store = store.as_context_mut();
        let root = store.async_call_stack().ok().and_then(Iterator::last);
        let found = root.and_then(|root| {
            let requests = self.lock();
            let found = requests.iter().find(|running| running.task == root);
            found.map(|running| running.request.span.clone())
        });
        found.unwrap_or_else(Span::none)
    }

    /// The span of the request that a log line names, or of none.
    pub(crate) fn named_in(&self, line: &str) -> Span {
        let requests = self.lock();
        let found = requests
            .iter()
            .find(|running| line.contains(&*running.request.id));
        found.map_or_else(Span::none, |running| running.request.span.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let task = self.task;
        self.requests.lock().retain(|running| running.task != task);
    }
}
