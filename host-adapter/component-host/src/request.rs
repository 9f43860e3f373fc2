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
pub(crate) struct Requests(Arc<Mutex<Vec<(GuestTaskId, Span)>>>);

/// Forgets a request when it is dropped.
pub(crate) struct RequestGuard {
    requests: Requests,
    task: GuestTaskId,
}

impl Requests {
    /// Notes that `task` handles the request of `span`, until the guard is dropped.
    pub(crate) fn enter(&self, task: GuestTaskId, span: Span) -> RequestGuard {
        self.lock().push((task, span));
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
            let mut found = requests.iter().filter(|(task, _)| *task == root);
            found.next().map(|(_, span)| span.clone())
        });
        found.unwrap_or_else(Span::none)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(GuestTaskId, Span)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let task = self.task;
        self.requests.lock().retain(|(other, _)| *other != task);
    }
}
