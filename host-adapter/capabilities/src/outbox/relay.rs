//! Empties one component's outbox.

use std::{sync::Arc, time::Duration};

use adapter_settings::{MINUTE, Time};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use sqlx::types::Uuid;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::store::{self, Fate, Taken};
use crate::{
    dispatch::{self, Dispatch},
    postgres::{Error, Postgres},
};

/// Messages taken at once. More would be held by a relay that dies with them; fewer costs round
/// trips when many wait.
const BATCH: i64 = 64;

/// Deliveries at once: as many as keep a peer busy without standing in the way of its other callers.
const CONCURRENCY: u32 = 8;

/// First pause after a failed delivery; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A peer that comes back after hours gets its messages within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often a relay looks for messages.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default)]
pub struct RelaySettings {
    /// Longest time between two looks at the table when nothing wakes the relay. Messages of this
    /// process wake it at once; those of another, and those whose pause is over, wait up to this long.
    #[serde(with = "Time::<50, { 5 * MINUTE }>")]
    pub outbox_interval: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            outbox_interval: Duration::from_secs(1),
        }
    }
}

/// Delivers what a component's transactions left behind.
pub struct Relay {
    postgres: Postgres,
    dispatch: Dispatch,
    messages: Arc<Notify>,
    settings: RelaySettings,
}

impl Relay {
    /// A relay between the component's database and its peers.
    #[must_use]
    pub fn new(postgres: Postgres, dispatch: Dispatch, settings: RelaySettings) -> Self {
        let messages = postgres.messages();
        Self {
            postgres,
            dispatch,
            messages,
            settings,
        }
    }

    /// Works until `shutdown`; deliveries that have begun are finished.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failing = false;
        while !shutdown.is_cancelled() {
            let result = self.deliver(&shutdown).await;
            // That PostgreSQL is away is logged by the pool; anything else would repeat for ever.
            let failed = matches!(&result, Err(error) if !matches!(error, Error::Unavailable(_)));
            if let Err(error) = &result
                && failed
                && !failing
            {
                tracing::error!("the outbox cannot be delivered: {error}");
            }
            failing = failed;
            // A full batch means that more may wait.
            if result.is_ok_and(|taken| taken == usize::try_from(BATCH).unwrap_or_default()) {
                continue;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.messages.notified() => {}
                () = tokio::time::sleep(self.settings.outbox_interval) => {}
            }
        }
    }

    /// Delivers one batch and says how large it was.
    async fn deliver(&self, shutdown: &CancellationToken) -> Result<usize, Error> {
        let batch = store::take(self.postgres.pool(), BATCH, self.lease()).await?;
        let taken = batch.len();
        if taken == 0 {
            return Ok(0);
        }
        let fates: Vec<(Uuid, Fate)> = stream::iter(batch)
            .map(|taken| self.deliver_one(taken, shutdown))
            .buffer_unordered(CONCURRENCY as usize)
            .collect()
            .await;
        store::settle(self.postgres.pool(), fates).await?;
        Ok(taken)
    }

    /// How long a taken message belongs to this relay: longer than the batch takes, or two relays
    /// deliver it, which is harmless but wasteful.
    fn lease(&self) -> Duration {
        let rounds = u32::try_from(BATCH).unwrap_or(u32::MAX) / CONCURRENCY;
        self.dispatch.timeout().saturating_mul(rounds) + LONGEST_PAUSE
    }

    async fn deliver_one(&self, taken: Taken, shutdown: &CancellationToken) -> (Uuid, Fate) {
        if shutdown.is_cancelled() {
            return (taken.id, Fate::Later(Duration::ZERO));
        }
        let Taken {
            id,
            attempts,
            message,
        } = taken;
        let peer = message.peer.clone();
        let request = dispatch::Request {
            peer: message.peer,
            method: "POST".into(),
            path: message.path,
            body: Some(message.body),
            sealed: true,
            idempotency_key: Some(message.idempotency_key),
            ..Default::default()
        };
        let fate = fate(self.dispatch.call(request).await, attempts);
        match &fate {
            Fate::Delivered => {}
            Fate::Later(pause) => {
                tracing::debug!("message `{id}` to `{peer}` waits for another {pause:?}")
            }
            Fate::Refused(reason) => {
                tracing::error!("message `{id}` is not deliverable to `{peer}`: {reason}")
            }
        }
        (id, fate)
    }
}

/// Which answers are final: 4xx, but for those that say "later" (RFC 9110, RFC 6585).
fn fate(result: Result<dispatch::Response, dispatch::Error>, attempts: i32) -> Fate {
    match result {
        Ok(response) if (200..300).contains(&response.status) => Fate::Delivered,
        Ok(response)
            if (400..500).contains(&response.status)
                && !matches!(response.status, 408 | 425 | 429) =>
        {
            Fate::Refused(format!("the peer answered {}", response.status))
        }
        Err(
            error @ (dispatch::Error::Denied(_)
            | dispatch::Error::Invalid(_)
            | dispatch::Error::TooLarge(_)),
        ) => Fate::Refused(error.to_string()),
        Ok(_) | Err(_) => Fate::Later(pause(attempts)),
    }
}

fn pause(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or_default()
        .min(16);
    let bound = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    // Between half and all of the bound: messages that failed together come back apart, none at once.
    bound.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Result<dispatch::Response, dispatch::Error> {
        Ok(dispatch::Response {
            status,
            body: String::new(),
        })
    }

    #[test]
    fn a_message_is_done_only_when_the_peer_took_it() {
        assert!(matches!(fate(answered(201), 1), Fate::Delivered));
        for status in [301, 408, 425, 429, 500, 501] {
            assert!(
                matches!(fate(answered(status), 1), Fate::Later(_)),
                "{status}"
            );
        }
        for error in [dispatch::Error::Timeout, dispatch::Error::Untrusted] {
            assert!(matches!(fate(Err(error), 1), Fate::Later(_)));
        }
    }

    #[test]
    fn what_can_never_succeed_is_not_tried_for_ever() {
        assert!(matches!(fate(answered(422), 1), Fate::Refused(_)));
        assert!(matches!(
            fate(Err(dispatch::Error::Denied(String::new())), 1),
            Fate::Refused(_)
        ));
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        assert!(pause(1) <= FIRST_PAUSE);
        assert!(pause(4) >= FIRST_PAUSE * 4);
        assert!(pause(1_000) <= LONGEST_PAUSE);
    }
}
