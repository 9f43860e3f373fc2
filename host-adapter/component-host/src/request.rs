//! Which request a call of a component belongs to.
//!
//! An instance handles several requests at once, and all their calls come from one task of the host. So
//! the host notes the guest task that handles each request, and finds it again from the call stack of a
//! host function.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use adapter_telemetry::traces::Scope;
use tokio::time::sleep;
use wasmtime::{AsContextMut, component::GuestTaskId};

use crate::work::Work;

/// How long a guest may go on with a request that is given up. Its calls to the adapter have ended, so most
/// guests take milliseconds, and keep their instance.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// The requests that an instance is handling: at most `concurrency_per_instance`, so a list is searched
/// faster than a map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Running>>>);

/// A request on its way to an instance.
#[derive(Debug, Clone)]
pub(crate) struct TracedRequest {
    /// What works for the request runs in it.
    pub(crate) scope: Scope,
    pub(crate) work: Work,
    /// When its caller stops waiting, or its time is up.
    pub(crate) deadline: Instant,
    /// Whether its whole body had arrived, without trailers, before the component got it.
    pub(crate) is_whole: bool,
    /// The id as the component writes it into its log lines.
    id: Arc<str>,
}

/// A request that an instance is handling.
#[derive(Debug)]
struct Running {
    task: GuestTaskId,
    request: TracedRequest,
    /// Whether the host has made a response for it.
    has_response: bool,
}

impl TracedRequest {
    pub(crate) fn new(
        scope: Scope,
        id: &str,
        work: Work,
        deadline: Instant,
        is_whole: bool,
    ) -> Self {
        Self {
            scope,
            work,
            deadline,
            is_whole,
            id: format!("\"request_id\":\"{id}\"").into(),
        }
    }
}

/// Forgets a request when it is dropped, because the guest has answered.
pub(crate) struct RequestGuard {
    requests: Requests,
    task: GuestTaskId,
    work: Work,
    /// Whether the guest has not answered and goes on: the host cannot end a single guest task.
    goes_on: bool,
}

impl RequestGuard {
    /// Returns when the request is not waited for any longer: after `limit`, or soon after it is given up.
    /// The request then counts until the instance ends.
    pub(crate) async fn expire(mut self, limit: Duration) {
        let work = self.work.clone();
        let given_up = async {
            work.given_up().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            () = sleep(limit) => work.give_up(),
            () = given_up => {}
        }
        self.goes_on = true;
    }
}

impl Requests {
    /// Notes that `task` handles `request`, until the guard is dropped.
    pub(crate) fn enter(&self, task: GuestTaskId, request: TracedRequest) -> RequestGuard {
        let work = request.work.clone();
        self.lock().push(Running {
            task,
            request,
            has_response: false,
        });
        RequestGuard {
            requests: self.clone(),
            task,
            work,
            goes_on: false,
        }
    }

    /// The request for which the guest in `store` is calling. `None`: a guest may go on working after its
    /// response.
    pub(crate) fn current(&self, store: impl AsContextMut) -> Option<TracedRequest> {
        self.with_current(store, |running| running.request.clone())
    }

    /// Whether the whole body of that request had arrived before the guest got it.
    pub(crate) fn is_whole(&self, store: impl AsContextMut) -> bool {
        let found = self.with_current(store, |running| running.request.is_whole);
        found.unwrap_or_default()
    }

    /// Notes that the host makes a response for that request. Returns `false` if it has made one already: responses
    /// take the host's memory, so a guest gets one for each request.
    pub(crate) fn begin_response(&self, store: impl AsContextMut) -> bool {
        let before = self.with_current(store, |running| {
            std::mem::replace(&mut running.has_response, true)
        });
        before == Some(false)
    }

    fn with_current<T>(
        &self,
        mut store: impl AsContextMut,
        read: impl FnOnce(&mut Running) -> T,
    ) -> Option<T> {
        let mut store = store.as_context_mut();
        let root = store.async_call_stack().ok().and_then(Iterator::last)?;
        let mut requests = self.lock();
        let found = requests.iter_mut().find(|running| running.task == root);
        found.map(read)
    }

    /// The request that a log line names.
    pub(crate) fn named_in(&self, line: &str) -> Option<TracedRequest> {
        let requests = self.lock();
        let found = requests
            .iter()
            .find(|running| line.contains(&*running.request.id));
        found.map(|running| running.request.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if self.goes_on {
            return;
        }
        let task = self.task;
        self.requests.lock().retain(|running| running.task != task);
    }
}
