//! Delivers the messages in one component's outbox.
//!
//! One loop leases messages for the free places of each peer, and records what became of them. Deliveries
//! are tasks, so none waits for another one. The loop wakes when this process has stored messages, when a
//! delivery ends, when a retry is due, and at intervals for what other processes have left behind.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sqlx::types::Uuid;
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Depth, Outbox, RelaySettings,
    delivery::{DeliveryOutcome, deliver},
    lanes::{Change, End, Lanes, pause},
    rate::Rate,
    store::{LeasedMessage, Table},
    survey::{self, Survey},
};
use adapter_telemetry::traces::{self, InScope as _, Scope};

use crate::{dispatch::Dispatch, metrics::METRICS, postgres::Error};

/// How long a leased message belongs to its relay. Another relay delivers what a killed one has leased
/// after this time. A short lease would be renewed during usual deliveries.
const LEASE: Duration = Duration::from_secs(8);

/// How often the leases of deliveries that take longer are renewed. One renewal may fail.
const RENEWAL: Duration = Duration::from_secs(3);

/// Pause after a failure of PostgreSQL.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Time for the deliveries in flight at the end. It is shorter than the default `host.shutdown_timeout`,
/// within which the relay has to hand back the rest.
const LAST_DELIVERIES: Duration = Duration::from_secs(3);

/// Delivers the messages of one component's transactions.
pub struct Relay {
    component: Arc<str>,
    table: Table,
    dispatch: Dispatch,
    settings: RelaySettings,
    outbox: Outbox,
    lanes: Lanes,
    deliveries: JoinSet<DeliveryOutcome>,
    /// The messages that are being delivered, by task.
    held: HashMap<task::Id, Held>,
    /// What ended and is not recorded yet.
    ended: Vec<(Uuid, DeliveryOutcome)>,
    next_survey: Instant,
    next_renewal: Instant,
    /// Log lines about failed deliveries, and about undeliverable messages.
    failures: Rate,
    dead_letters: Rate,
}

/// A message that is being delivered.
struct Held {
    id: Uuid,
    peer: String,
    keyed: bool,
    scope: Scope,
}

impl Relay {
    /// Creates a relay that reads messages from `outbox` and delivers them with `dispatch`.
    #[must_use]
    pub fn new(outbox: Outbox, dispatch: Dispatch, settings: RelaySettings) -> Self {
        Self {
            component: outbox.component().clone(),
            table: Table::new(outbox.pool().clone()),
            lanes: Lanes::new(dispatch.granted()),
            dispatch,
            settings,
            outbox,
            deliveries: JoinSet::new(),
            held: HashMap::new(),
            ended: Vec::new(),
            next_survey: Instant::now(),
            next_renewal: Instant::now(),
            failures: Rate::default(),
            dead_letters: Rate::default(),
        }
    }

    /// Runs until `shutdown` is cancelled. Then it waits a few seconds for the deliveries in flight, and
    /// hands back the rest. Returns how many messages these were.
    pub async fn run(mut self, shutdown: CancellationToken) -> usize {
        let mut failing = false;
        while !shutdown.is_cancelled() {
            let result = self.work().await;
            let failed = result.is_err();
            // The pool logs outages of PostgreSQL. Other errors repeat, so only the first is logged.
            if let Err(error) = result
                && !matches!(error, Error::Unavailable(_))
                && !std::mem::replace(&mut failing, true)
            {
                tracing::error!("the messages in the outbox cannot be delivered: {error}");
            }
            failing &= failed;
            let wake = if failed {
                Instant::now() + PAUSE_AFTER_ERROR
            } else {
                self.next_wake()
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = self.deliveries.join_next_with_id() => self.collect(ended),
                () = self.outbox.stored().notified(), if !failed => self.lanes.wake(),
                () = sleep_until(wake) => {}
            }
        }
        self.finish().await
    }

    /// Does everything that is due.
    async fn work(&mut self) -> Result<(), Error> {
        while let Some(ended) = self.deliveries.try_join_next_with_id() {
            self.collect(ended);
        }
        self.record().await?;
        self.renew().await?;
        self.survey().await?;
        self.lease().await
    }

    fn next_wake(&self) -> Instant {
        let renewal = (!self.held.is_empty()).then_some(self.next_renewal);
        let others = [renewal, self.lanes.next_due()].into_iter().flatten();
        others.fold(self.next_survey, Instant::min)
    }

    /// Takes over the end of a delivery.
    fn collect(&mut self, ended: Result<(task::Id, DeliveryOutcome), JoinError>) {
        let (task, outcome) = ended.unwrap_or_else(|error| {
            let reason = "the delivery did not finish".to_owned();
            (error.id(), DeliveryOutcome::Retry(pause(1), reason))
        });
        let Some(held) = self.held.remove(&task) else {
            return;
        };
        METRICS.delivery(&self.component, &held.peer, outcome.word());
        let end = match &outcome {
            DeliveryOutcome::Retry(pause, _) => End::Failed(*pause),
            DeliveryOutcome::Delivered | DeliveryOutcome::Rejected(_) => End::Answered,
        };
        let now = Instant::now();
        let change = self.lanes.ended(&held.peer, held.keyed, end, now);
        let _within = held.scope.enter();
        self.report(&held, &outcome, change);
        self.ended.push((held.id, outcome));
    }

    /// Logs what a person should know of a delivery, at a bounded rate.
    fn report(&mut self, held: &Held, outcome: &DeliveryOutcome, change: Option<Change>) {
        let Held { id, peer, .. } = held;
        let now = Instant::now();
        match outcome {
            DeliveryOutcome::Delivered => {}
            DeliveryOutcome::Retry(pause, reason) => {
                if let Some(more) = self.failures.admit(now) {
                    let more = suppressed(more);
                    tracing::warn!(
                        "message `{id}` to `{peer}` is delivered again in {pause:.1?}: {reason}{more}"
                    );
                }
            }
            DeliveryOutcome::Rejected(reason) => {
                if let Some(more) = self.dead_letters.admit(now) {
                    let more = suppressed(more);
                    tracing::error!(
                        "message `{id}` is not deliverable to `{peer}`: {reason}{more}"
                    );
                }
            }
        }
        match change {
            Some(Change::Paused(pause)) => {
                tracing::debug!("messages to `{peer}` wait {pause:.1?}");
            }
            Some(Change::Recovered) => tracing::info!("`{peer}` accepts messages again"),
            None => {}
        }
    }

    async fn record(&mut self) -> Result<(), Error> {
        if !self.ended.is_empty() {
            self.table.record(self.ended.clone()).await?;
            self.ended.clear();
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if now < self.next_renewal {
            return Ok(());
        }
        if !self.held.is_empty() {
            self.table.renew(self.held_messages(), LEASE).await?;
        }
        self.next_renewal = now + RENEWAL;
        Ok(())
    }

    /// Looks at the outbox as a whole.
    async fn survey(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if now < self.next_survey {
            return Ok(());
        }
        let found = survey::survey(self.table.pool()).await?;
        let Survey {
            waiting, dead, age, ..
        } = found;
        METRICS.outbox(&self.component, waiting, dead, age);
        let oldest = Duration::from_secs(u64::try_from(age).unwrap_or_default());
        let depth = Depth {
            waiting,
            dead,
            oldest,
        };
        self.outbox.known_depth().set(depth);
        if let Some(due) = found.next_due {
            self.lanes.wake_at(now + due);
            self.bring_forward().await?;
            self.reject_unknown().await?;
        }
        self.clean_up(depth).await?;
        self.next_survey = now + self.settings.outbox_interval;
        Ok(())
    }

    async fn bring_forward(&mut self) -> Result<(), Error> {
        let messages = survey::bring_forward(self.table.pool()).await?;
        if messages > 0 {
            self.lanes.wake();
            tracing::warn!(
                component = &*self.component,
                "the clock of PostgreSQL was set back, so {messages} messages are due now instead of later"
            );
        }
        Ok(())
    }

    async fn reject_unknown(&mut self) -> Result<(), Error> {
        let reason = format!("`{}` is not granted the peer", self.component);
        let granted = self.dispatch.granted().to_vec();
        let rejected = survey::reject_unknown(self.table.pool(), granted, reason.clone()).await?;
        self.report_dead(rejected, &reason);
        Ok(())
    }

    /// Ends what is too old.
    async fn clean_up(&mut self, depth: Depth) -> Result<(), Error> {
        if depth.oldest >= self.settings.outbox_max_age {
            let max_age = self.settings.outbox_max_age;
            let expired = survey::expire(self.table.pool(), max_age).await?;
            self.report_dead(expired, "it is older than `dispatch.outbox_max_age`");
        }
        if depth.dead > 0 {
            let max_age = self.settings.dead_letter_max_age;
            let deleted = survey::delete_dead(self.table.pool(), max_age).await?;
            if deleted > 0 {
                tracing::warn!(
                    component = &*self.component,
                    "deleted {deleted} undeliverable messages that are older than `dispatch.dead_letter_max_age`"
                );
            }
        }
        Ok(())
    }

    fn report_dead(&mut self, messages: Vec<Uuid>, reason: &str) {
        for id in messages {
            if let Some(more) = self.dead_letters.admit(Instant::now()) {
                let more = suppressed(more);
                tracing::error!(
                    component = &*self.component,
                    "message `{id}` is not deliverable: {reason}{more}"
                );
            }
        }
    }

    /// Begins deliveries for the free places.
    async fn lease(&mut self) -> Result<(), Error> {
        let wanted = self.lanes.wanted(Instant::now());
        if wanted.is_empty() {
            return Ok(());
        }
        if self.held.is_empty() {
            self.next_renewal = Instant::now() + RENEWAL;
        }
        let leased = self.table.lease(&wanted, LEASE).await?;
        for (peer, places) in wanted {
            let to_peer = leased.iter().filter(|one| *one.message.peer == *peer);
            self.lanes.leased(&peer, places, to_peer.count());
        }
        leased.into_iter().for_each(|message| self.begin(message));
        Ok(())
    }

    fn begin(&mut self, leased: LeasedMessage) {
        let (id, peer) = (leased.id, leased.message.peer.clone());
        let scope = traces::delivery(&self.component, &peer, &id.to_string(), leased.cause);
        let held = Held {
            id,
            peer,
            keyed: leased.message.key.is_some(),
            scope: scope.clone(),
        };
        let delivery = deliver(self.dispatch.clone(), leased).in_scope(scope);
        let task = self.deliveries.spawn(delivery);
        self.held.insert(task.id(), held);
    }

    fn held_messages(&self) -> Vec<Uuid> {
        self.held.values().map(|held| held.id).collect()
    }

    /// Waits a little for the deliveries in flight, and hands back the rest.
    async fn finish(mut self) -> usize {
        let deadline = Instant::now() + LAST_DELIVERIES;
        while let Ok(Some(ended)) = timeout_at(deadline, self.deliveries.join_next_with_id()).await
        {
            self.collect(ended);
        }
        self.deliveries.shutdown().await;
        let mut result = self.record().await;
        if result.is_ok() && !self.held.is_empty() {
            result = self.table.hand_back(self.held_messages()).await;
        }
        if let Err(error) = result {
            tracing::warn!(
                "messages of `{}` are delivered again {LEASE:?} after the end of this process: {error}",
                self.component
            );
            return 0;
        }
        self.held.len()
    }
}

/// The end of a log line that stands for others, too.
fn suppressed(more: u64) -> String {
    if more == 0 {
        String::new()
    } else {
        format!(" ({more} more since the last such line)")
    }
}
