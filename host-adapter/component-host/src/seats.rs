//! Who may have how many of the instances.
//!
//! `host.max_instances` is for all components together. One of them under load could have all, and the others
//! would wait, so each has one instance on each thread for itself.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The seats of a process: one for each instance.
#[derive(Debug)]
pub(super) struct Seats {
    shared: Arc<Semaphore>,
    reserves: OnceLock<()>,
}

/// The seats that a component on one thread can take.
#[derive(Debug)]
pub(super) struct OwnSeats {
    own: Arc<Semaphore>,
    all: Arc<Seats>,
}

/// All seats are taken.
#[derive(Debug, thiserror::Error)]
#[error("the limit of instances is reached")]
pub(super) struct NoSeat;

impl Seats {
    pub(super) fn new(instances: u32) -> Arc<Self> {
        let instances = usize::try_from(instances).unwrap_or(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            shared: Arc::new(Semaphore::new(instances)),
            reserves: OnceLock::new(),
        })
    }

    /// Reserves `number` seats, one for each component on each thread, unless that leaves none to share.
    pub(super) fn reserve(&self, number: usize) {
        if number < self.shared.available_permits() && self.reserves.set(()).is_ok() {
            self.shared.forget_permits(number);
        }
    }
}

impl OwnSeats {
    /// Those of a component on a serving thread, which has one for itself.
    pub(super) fn on_thread(all: Arc<Seats>) -> Self {
        let own = usize::from(all.reserves.get().is_some());
        let own = Arc::new(Semaphore::new(own));
        Self { own, all }
    }

    /// Those of a component outside the serving threads.
    pub(super) fn in_background(all: Arc<Seats>) -> Self {
        let own = Arc::new(Semaphore::new(0));
        Self { own, all }
    }

    /// Takes a seat until the permit is dropped.
    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, NoSeat> {
        let own = self.own.clone().try_acquire_owned();
        let seat = own.or_else(|_| self.all.shared.clone().try_acquire_owned());
        seat.map_err(|_| NoSeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_under_load_leaves_one_instance_to_each_other() {
        let seats = Seats::new(4);
        seats.reserve(2);
        let (busy, idle) = (
            OwnSeats::on_thread(seats.clone()),
            OwnSeats::on_thread(seats.clone()),
        );
        let taken: Vec<_> = std::iter::from_fn(|| busy.take().ok()).collect();
        assert_eq!(taken.len(), 3);
        let last = idle.take().unwrap();
        assert!(idle.take().is_err());
        drop(last);
        assert!(busy.take().is_err());
    }

    #[test]
    fn few_instances_are_shared_by_all() {
        let seats = Seats::new(1);
        seats.reserve(2);
        let (one, other) = (
            OwnSeats::on_thread(seats.clone()),
            OwnSeats::on_thread(seats.clone()),
        );
        let taken = one.take().unwrap();
        assert!(other.take().is_err());
        drop(taken);
        assert!(other.take().is_ok());
    }
}
