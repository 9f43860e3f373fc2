//! Revoked sessions. Their tokens are rejected before they expire.
//!
//! Checking a token must not cost a round trip. Every adapter therefore holds the revoked sessions
//! whose tokens have not expired in memory ([`Revocations`]). PostgreSQL stores them and notifies all
//! adapters of new ones. A [`Listener`] also queries PostgreSQL at intervals, in case a notification was
//! lost. If PostgreSQL has not answered for too long, the status of a session is unknown.

mod clocks;
mod errors;
mod listener;
mod revocations;
mod settings;
mod store;

use std::{sync::Arc, time::Duration};

use clocks::{Clocks, unix_time};
pub use errors::Error;
pub use listener::Listener;
pub use revocations::{Revocations, SessionStatus};
pub use settings::SessionSettings;
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::postgres::Pool;

/// The most sessions that one call revokes.
const MAX_PER_CALL: usize = 1_000;

/// The longest id of a session in characters. A UUID has 36.
pub const MAX_ID_CHARACTERS: usize = 200;

/// The revoked sessions of all adapters on one database.
#[derive(Debug, Clone)]
pub struct RevokedSessions {
    pool: Pool,
    revocations: Arc<Revocations>,
}

impl RevokedSessions {
    /// Creates the table if it is missing, and fills `revocations` from it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if PostgreSQL fails or does not answer.
    pub async fn open(pool: Pool, revocations: Arc<Revocations>) -> Result<Self, Error> {
        store::create_table(&pool).await?;
        let queried_at = Instant::now();
        let period = revocations.retention();
        let revoked = pool.run(move |connection| {
            Box::pin(async move {
                let clocks = Clocks::read(connection, unix_time).await?;
                Ok(store::revoked_within(connection, period, &clocks).await?)
            })
        });
        let revoked = revoked.await?;
        revocations.update(revoked, queried_at);
        Ok(Self { pool, revocations })
    }

    /// The same for the serving thread `number`, with connections of that thread.
    #[must_use]
    pub fn on_thread(&self, number: usize) -> Self {
        Self {
            pool: self.pool.on_thread(number),
            ..self.clone()
        }
    }

    /// Revokes sessions.
    ///
    /// When the call returns, this adapter rejects their tokens. The other adapters follow when they
    /// receive the notification or query PostgreSQL. Ids that are unknown or already revoked are
    /// accepted.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for more than 1,000 ids or an invalid id. [`Error::Unavailable`] if PostgreSQL
    /// does not confirm the change. Any of the sessions may then be revoked, and the call may be repeated.
    pub async fn revoke(&self, sessions: Vec<String>) -> Result<(), Error> {
        if sessions.len() > MAX_PER_CALL {
            return Err(Error::Invalid("a call can end at most 1,000 sessions"));
        }
        if !sessions.iter().all(|session| is_session_id(session)) {
            return Err(Error::Invalid(
                "a session id must have 1 to 200 characters and no NUL",
            ));
        }
        if sessions.is_empty() {
            return Ok(());
        }
        store::revoke(&self.pool, sessions.clone()).await?;
        self.revocations.add(
            sessions
                .into_iter()
                .map(|session| (session, Duration::ZERO)),
        );
        Ok(())
    }

    /// Creates the task that keeps the revocations current. The caller runs it.
    ///
    /// The task opens its own connection with `options`. `timeout` is the longest time that PostgreSQL
    /// may take to answer on it. It deletes sessions that were revoked more than `kept_for` ago.
    #[must_use]
    pub fn listener(
        &self,
        options: PgConnectOptions,
        timeout: Duration,
        kept_for: Duration,
    ) -> Listener {
        Listener::new(self.revocations.clone(), options, timeout, kept_for)
    }
}

/// Whether `text` is a valid session id. PostgreSQL cannot store NUL.
pub(crate) fn is_session_id(text: &str) -> bool {
    (1..=MAX_ID_CHARACTERS).contains(&text.chars().count()) && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_id_has_1_to_200_characters_and_no_nul() {
        assert!(is_session_id("x") && is_session_id(&"é".repeat(MAX_ID_CHARACTERS)));
        assert!(
            !is_session_id("")
                && !is_session_id(&"x".repeat(MAX_ID_CHARACTERS + 1))
                && !is_session_id("a\0b")
        );
    }
}
