//! The work for one request: what counts it, and what ends it.
//!
//! A request counts against the limits as long as anything works for it, which may be longer than its client
//! waits. When the client goes away or the time is up, the request is given up: its calls to the adapter end
//! at once, and the guest has a grace period to finish.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Waker,
};

use adapter_listening as listening;
use adapter_telemetry::metrics::Gauge;
use futures_util::task::AtomicWaker;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// A handle on the work. The request is over when the last one is dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    given_up: CancellationToken,
    place: OnceLock<Place>,
    _counted: Option<Counted>,
}

/// Counts a request in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct Active(Gauge);

/// What counts a request on its listener until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    _active: Active,
    /// Of `host.max_requests`.
    _permit: OwnedSemaphorePermit,
    /// Of `host.max_requests_per_client`.
    _place: Option<listening::Place>,
}

/// The client, who waits for the work. If it is dropped before the answer, the request is given up.
#[derive(Debug)]
pub(crate) struct Caller(Option<Work>);

/// What an instance works on. A clone shares the counts.
#[derive(Debug, Clone)]
pub(crate) struct Load(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    limit: usize,
    requests: AtomicUsize,
    given_up: AtomicUsize,
    /// Requests for which the instance was ended.
    ended_for: AtomicUsize,
    /// Of the task that runs the instance.
    waker: AtomicWaker,
}

/// The place of one request in the load of an instance.
#[derive(Debug)]
struct Place {
    load: Load,
    given_up: AtomicBool,
}

impl Active {
    pub(crate) fn enter(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Counted {
    pub(crate) fn new(
        active: Active,
        permit: OwnedSemaphorePermit,
        place: Option<listening::Place>,
    ) -> Self {
        Self {
            _active: active,
            _permit: permit,
            _place: place,
        }
    }
}

impl Work {
    pub(crate) fn new(counted: Counted) -> Self {
        Self(Arc::new(Inner {
            _counted: Some(counted),
            ..Inner::default()
        }))
    }

    /// Gives up the request. What can be ended of it ends.
    pub(crate) fn give_up(&self) {
        self.0.given_up.cancel();
        self.note();
    }

    /// Returns when the request is given up.
    pub(crate) async fn given_up(&self) {
        self.0.given_up.cancelled().await;
    }

    /// Whether the request is given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.0.given_up.is_cancelled()
    }

    /// Counts the request in the load of the instance that works on it.
    pub(crate) fn begin_in(&self, load: &Load) {
        self.0.place.get_or_init(|| load.enter());
        // The client may have gone away while the request waited for an instance.
        if self.0.given_up.is_cancelled() {
            self.note();
        }
    }

    fn note(&self) {
        if let Some(place) = self.0.place.get()
            && !place.given_up.swap(true, Ordering::Relaxed)
        {
            let counts = &place.load.0;
            counts.given_up.fetch_add(1, Ordering::Relaxed);
            counts.waker.wake();
        }
    }
}

impl Caller {
    pub(crate) fn of(work: &Work) -> Self {
        Self(Some(work.clone()))
    }

    /// The work has answered.
    pub(crate) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(work) = &self.0 {
            work.give_up();
        }
    }
}

impl Load {
    /// The load of an instance that works on `limit` requests at the same time.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Counts {
            limit,
            requests: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            ended_for: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
        }))
    }

    /// Requests that the instance works on, those included whose answers are not taken yet.
    pub(crate) fn requests(&self) -> usize {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// How many of them are given up.
    pub(crate) fn given_up(&self) -> usize {
        self.0.given_up.load(Ordering::Relaxed)
    }

    /// Notes that the instance is ended because of its requests that are given up. They are gone when it is
    /// dropped.
    pub(crate) fn end(&self) {
        self.0.ended_for.store(self.given_up(), Ordering::Relaxed);
    }

    /// For how many requests the instance was ended.
    pub(crate) fn ended_for(&self) -> usize {
        self.0.ended_for.load(Ordering::Relaxed)
    }

    /// Has `waker` woken when the instance may accept or end more than before.
    pub(crate) fn wake_later(&self, waker: &Waker) {
        self.0.waker.register(waker);
    }

    fn enter(&self) -> Place {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Place {
            load: self.clone(),
            given_up: AtomicBool::new(false),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = &self.load.0;
        if *self.given_up.get_mut() {
            counts.given_up.fetch_sub(1, Ordering::Relaxed);
        }
        let before = counts.requests.fetch_sub(1, Ordering::Relaxed);
        // A wake-up for each request would cost more than most requests.
        if before >= counts.limit || self.load.given_up() > 0 {
            counts.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_until_its_last_handle_is_dropped() {
        let load = Load::new(1);
        let work = Work::default();
        work.begin_in(&load);
        let other = work.clone();
        drop(work);
        assert_eq!((load.requests(), load.given_up()), (1, 0));
        drop(other);
        assert_eq!((load.requests(), load.given_up()), (0, 0));
    }

    #[test]
    fn a_client_that_leaves_gives_up_its_request_once() {
        let load = Load::new(1);
        let (early, late, answered) = (Work::default(), Work::default(), Work::default());
        drop(Caller::of(&early));
        for work in [&early, &late, &answered] {
            work.begin_in(&load);
        }
        drop(Caller::of(&late));
        late.give_up();
        Caller::of(&answered).answered();
        assert_eq!((load.requests(), load.given_up()), (3, 2));
        drop((early, late));
        assert_eq!((load.requests(), load.given_up()), (1, 0));
    }
}
