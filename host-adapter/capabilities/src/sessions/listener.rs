//! Keeps the revocations of an adapter current.
//!
//! The listener receives a notification within milliseconds after a session is revoked elsewhere. A
//! notification can be lost, so the listener also queries PostgreSQL at intervals and after each
//! reconnection: which sessions were revoked since the last query? The limit on the age of the
//! revocations relies on these queries.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{
    Acquire as _, Error,
    postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions},
};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    clocks::{Clocks, unix_time},
    is_session_id,
    revocations::Revocations,
    store::{self, CHANNEL},
};

/// Longest time between two queries. It is shorter if the maximum age of the revocations requires it.
const MAX_QUERY_INTERVAL: Duration = Duration::from_secs(5);

/// How far each query reaches back before the previous one, in addition to the time that a statement may
/// take. A session that was revoked in this period may have been committed after the previous query.
const OVERLAP: Duration = Duration::from_secs(60);

/// Pause before the next attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Time between two deletions of old rows.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);

/// The most notifications that are looked up in one query.
const MAX_BATCH: usize = 1_000;

/// Keeps the [`Revocations`] of one adapter current.
pub struct Listener {
    revocations: Arc<Revocations>,
    options: PgConnectOptions,
    timeout: Duration,
    kept_for: Duration,
    reachable: bool,
    host_clock: fn() -> Duration,
    /// When the last query was sent.
    clocks: Option<Clocks>,
    cleaned_up: Option<Instant>,
}

impl Listener {
    pub(super) fn new(
        revocations: Arc<Revocations>,
        options: PgConnectOptions,
        timeout: Duration,
        kept_for: Duration,
    ) -> Self {
        Self {
            revocations,
            options,
            timeout,
            kept_for,
            reachable: true,
            host_clock: unix_time,
            clocks: None,
            cleaned_up: None,
        }
    }

    /// Reads the time of the host, since 1970, from another clock. Tests set it.
    #[must_use]
    pub fn with_host_clock(self, host_clock: fn() -> Duration) -> Self {
        Self { host_clock, ..self }
    }

    /// Runs until `shutdown` is cancelled. Reconnects after every failure.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.reconnect_forever()).await;
    }

    async fn reconnect_forever(&mut self) {
        loop {
            let Err(error) = self.listen().await;
            // Logs only the first failure: during an outage this repeats twice a second.
            if std::mem::replace(&mut self.reachable, false) {
                tracing::error!("the list of revoked sessions cannot be updated: {error}");
            }
            sleep(RECONNECT_PAUSE).await;
        }
    }

    /// Listens on one connection until it fails.
    async fn listen(&mut self) -> Result<Infallible, Error> {
        let mut listener = self.with_timeout(self.connect()).await?;
        loop {
            self.update(&mut listener).await?;
            let next_query =
                Instant::now() + MAX_QUERY_INTERVAL.min(self.revocations.max_age() / 4);
            while Instant::now() < next_query
                && let Ok(received) = timeout_at(next_query, listener.try_recv()).await
            {
                self.look_up(payload(received)?, &mut listener).await?;
            }
        }
    }

    async fn connect(&self) -> Result<PgListener, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(self.timeout)
            .connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // An automatic reconnection would hide that notifications were lost.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    async fn update(&mut self, listener: &mut PgListener) -> Result<(), Error> {
        let read = async { Clocks::read(listener.acquire().await?, self.host_clock).await };
        let clocks = self.with_timeout(read).await?;
        let were_set = |earlier: &Clocks| clocks.were_set_since(earlier);
        let is_steady = self
            .clocks
            .as_ref()
            .is_some_and(|earlier| !were_set(earlier));
        if !is_steady && self.clocks.is_some() {
            tracing::warn!(
                "the clock of this host or of PostgreSQL was set, so all revoked sessions are read again"
            );
        }
        let queried_at = Instant::now();
        let retention = self.revocations.retention();
        let age = self.revocations.age().filter(|_| is_steady);
        let period = age.map_or(retention, |age| retention.min(age + OVERLAP + self.timeout));
        let revoked = self.with_timeout(async {
            store::revoked_within(listener.acquire().await?, period, &clocks).await
        });
        self.revocations.update(revoked.await?, queried_at);
        self.clocks = Some(clocks);
        if !std::mem::replace(&mut self.reachable, true) {
            tracing::info!("the list of revoked sessions is updated again");
        }
        if self
            .cleaned_up
            .is_none_or(|at| at.elapsed() >= CLEANUP_INTERVAL)
        {
            self.cleaned_up = Some(Instant::now());
            let kept_for = self.kept_for;
            let cleanup =
                async { store::delete_old_rows(listener.acquire().await?, kept_for).await };
            self.with_timeout(cleanup).await?;
        }
        Ok(())
    }

    /// Looks up the sessions of pending notifications in the table. Any role can send a notification, so
    /// a notification alone is not proof.
    async fn look_up(&self, first: String, listener: &mut PgListener) -> Result<(), Error> {
        let mut notified = vec![first];
        while notified.len() < MAX_BATCH
            && let Some(received) = listener.try_recv().now_or_never()
        {
            notified.push(payload(received)?);
        }
        notified.retain(|session| is_session_id(session));
        let revoked = self.with_timeout(async {
            store::revoked_among(listener.acquire().await?, notified).await
        });
        self.revocations.add(revoked.await?);
        Ok(())
    }

    /// Limits the time of `work`. A connection that does not answer in time counts as closed.
    async fn with_timeout<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = timeout(self.timeout, work).await;
        result.unwrap_or_else(|_| Err(connection_error(io::ErrorKind::TimedOut)))
    }
}

/// Returns the payload of a notification. Fails if the connection was closed instead.
fn payload(received: Result<Option<PgNotification>, Error>) -> Result<String, Error> {
    let notification =
        received?.ok_or_else(|| connection_error(io::ErrorKind::ConnectionAborted))?;
    Ok(notification.payload().to_owned())
}

fn connection_error(kind: io::ErrorKind) -> Error {
    Error::Io(kind.into())
}
