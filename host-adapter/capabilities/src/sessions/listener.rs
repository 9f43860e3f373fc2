//! Keeps the memory fresh: listens for sessions that end elsewhere, and asks regularly besides.
//!
//! A notification brings news within milliseconds, but nobody knows of one that did not come. What
//! the promise about old knowledge rests on is therefore the question that is asked at intervals,
//! and again after each reconnection: which sessions have ended since the last answer?

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{
    Acquire as _, Error,
    postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions},
};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    is_id,
    memory::Memory,
    store::{self, CHANNEL},
};

/// Longest time between two questions; less when knowledge may not get as old.
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);

/// How far each question reaches back behind the one before it, besides the time that a statement
/// may take: a session that ended then may have been committed only afterwards.
const OVERLAP: Duration = Duration::from_secs(60);

/// Pause before connecting again.
const PAUSE: Duration = Duration::from_millis(500);

/// Time between two removals of old rows.
const TIDY: Duration = Duration::from_secs(60);

/// Most notifications that are looked up together.
const BATCH: usize = 1_000;

/// Keeps one adapter's memory of ended sessions fresh.
pub struct Listener {
    memory: Arc<Memory>,
    options: PgConnectOptions,
    patience: Duration,
    reachable: bool,
    tidied: Option<Instant>,
}

impl Listener {
    pub(super) fn new(memory: Arc<Memory>, options: PgConnectOptions, patience: Duration) -> Self {
        Self {
            memory,
            options,
            patience,
            reachable: true,
            tidied: None,
        }
    }

    /// Works until `shutdown`, through every outage.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.work()).await;
    }

    async fn work(&mut self) {
        loop {
            let Err(error) = self.follow().await;
            // The change only: while PostgreSQL is away this comes around twice a second.
            if std::mem::replace(&mut self.reachable, false) {
                tracing::error!("ended sessions cannot be followed: {error}");
            }
            sleep(PAUSE).await;
        }
    }

    /// Follows on one connection, for as long as that lasts.
    async fn follow(&mut self) -> Result<Infallible, Error> {
        let mut listener = self.in_time(self.connect()).await?;
        loop {
            self.catch_up(&mut listener).await?;
            let next = Instant::now() + LONGEST_INTERVAL.min(self.memory.max_age() / 4);
            while Instant::now() < next
                && let Ok(received) = timeout_at(next, listener.try_recv()).await
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
            .acquire_timeout(self.patience)
            .connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // What was missed meanwhile would go unnoticed.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }

    async fn catch_up(&mut self, listener: &mut PgListener) -> Result<(), Error> {
        let asked = Instant::now();
        let remembers = self.memory.remembers();
        let unknown = self.memory.age();
        let period = unknown.map_or(remembers, |age| {
            remembers.min(age + OVERLAP + self.patience)
        });
        let ended =
            self.in_time(async { store::ended_within_on(listener.acquire().await?, period).await });
        self.memory.learn(ended.await?, asked);
        if !std::mem::replace(&mut self.reachable, true) {
            tracing::info!("ended sessions are followed again");
        }
        if self.tidied.is_none_or(|at| at.elapsed() >= TIDY) {
            self.tidied = Some(Instant::now());
            let forget = async { store::forget(listener.acquire().await?).await };
            self.in_time(forget).await?;
        }
        Ok(())
    }

    /// Any role may notify, so that a notification is a hint, and the table says whether it is true.
    async fn look_up(&self, first: String, listener: &mut PgListener) -> Result<(), Error> {
        let mut hints = vec![first];
        while hints.len() < BATCH
            && let Some(received) = listener.try_recv().now_or_never()
        {
            hints.push(payload(received)?);
        }
        hints.retain(|hint| is_id(hint));
        let ended =
            self.in_time(async { store::ended_among(listener.acquire().await?, hints).await });
        self.memory.add(ended.await?);
        Ok(())
    }

    /// A connection that went silent is as good as closed.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let result = timeout(self.patience, work).await;
        result.unwrap_or_else(|_| Err(lost(io::ErrorKind::TimedOut)))
    }
}

/// What a notification says; an error if instead of one the connection's end was received.
fn payload(received: Result<Option<PgNotification>, Error>) -> Result<String, Error> {
    let notification = received?.ok_or_else(|| lost(io::ErrorKind::ConnectionAborted))?;
    Ok(notification.payload().to_owned())
}

fn lost(kind: io::ErrorKind) -> Error {
    Error::Io(kind.into())
}
