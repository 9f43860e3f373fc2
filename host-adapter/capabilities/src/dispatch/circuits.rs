//! What a component has learned about its peers: the budget of retries and the breaker of each.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::{
    DispatchSettings,
    breaker::{Breaker, Change},
    budget::Budget,
    retry::Outcome,
};
use crate::metrics::METRICS;

/// The circuits of one component, by peer.
pub(super) struct Circuits(BTreeMap<String, Circuit>);

/// The calls of a component to one peer.
pub(super) struct Circuit {
    component: Arc<str>,
    peer: String,
    state: Mutex<(Budget, Breaker)>,
}

/// An attempt that the breaker has admitted. One that is dropped counts as given up.
pub(super) struct Permit<'a> {
    circuit: &'a Circuit,
    ended: bool,
}

impl Circuits {
    pub(super) fn new(component: &Arc<str>, peers: &[String], settings: &DispatchSettings) -> Self {
        let circuit = |peer: &String| {
            let budget = Budget::new(settings.retry_budget, settings.retry_reserve);
            let breaker = Breaker::new(settings.breaker_failures, settings.breaker_pause);
            let circuit = Circuit {
                component: component.clone(),
                peer: peer.clone(),
                state: Mutex::new((budget, breaker)),
            };
            (peer.clone(), circuit)
        };
        Self(peers.iter().map(circuit).collect())
    }

    pub(super) fn get(&self, peer: &str) -> Option<&Circuit> {
        self.0.get(peer)
    }
}

impl Circuit {
    fn state(&self) -> MutexGuard<'_, (Budget, Breaker)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call for the budget.
    pub(super) fn call(&self) {
        let mut state = self.state();
        state.0.call();
        METRICS.retry_budget(&self.component, &self.peer, state.0.left());
    }

    /// Takes a retry from the budget, if there is one.
    pub(super) fn take_retry(&self) -> bool {
        let taken = self.state().0.take();
        if !taken {
            METRICS.retry_denied(&self.component, &self.peer);
        }
        taken
    }

    /// Asks to make an attempt.
    pub(super) fn admit(&self) -> Option<Permit<'_>> {
        let admitted = self.state().1.admit(Instant::now());
        if !admitted {
            METRICS.call_rejected(&self.component, &self.peer);
        }
        admitted.then_some(Permit {
            circuit: self,
            ended: false,
        })
    }

    fn report(&self, change: Option<Change>, breaker: &Breaker) {
        let (component, peer) = (&*self.component, &self.peer);
        METRICS.breaker(
            &self.component,
            peer,
            breaker.number(),
            change == Some(Change::Opened),
        );
        match change {
            Some(Change::Opened) => tracing::warn!(
                component,
                "peer `{peer}` failed many times in a row, and is not called for `dispatch.breaker_pause`"
            ),
            Some(Change::Closed) => tracing::info!(component, "peer `{peer}` answers again"),
            None => {}
        }
    }
}

impl Permit<'_> {
    /// Tells how the attempt ended. `None` says nothing about the peer.
    pub(super) fn end(mut self, outcome: Option<Outcome>) {
        let Some(outcome) = outcome else {
            return;
        };
        self.ended = true;
        let breaker = &mut self.circuit.state().1;
        let change = match outcome {
            Outcome::NotSent | Outcome::Unknown | Outcome::Answered(502..=504, _) => {
                breaker.failed(Instant::now())
            }
            Outcome::Answered(..) => breaker.succeeded(),
        };
        self.circuit.report(change, breaker);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.circuit.state().1.abandoned(Instant::now());
        }
    }
}
