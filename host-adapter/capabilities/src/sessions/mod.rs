//! Sessions that have ended, so that their tokens are refused although they have not expired.
//!
//! The hard decision: checking a token must not cost a round trip. Every adapter therefore holds the
//! ended sessions whose tokens could still be good in [`Memory`]; PostgreSQL keeps them, tells all
//! adapters of new ones, and is asked again and again whether one was missed ([`Listener`]). What
//! the memory says is only as good as it is fresh, and it knows how fresh it is.

mod errors;
mod listener;
mod memory;
mod settings;
mod store;

use std::{sync::Arc, time::Duration};

pub use errors::Error;
pub use listener::Listener;
pub use memory::{Memory, Standing};
pub use settings::SessionSettings;
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::postgres::Pool;

/// Most sessions ended by one call. Whoever has more calls again.
const MAX_PER_CALL: usize = 1_000;

/// The longest id of a session, in characters. A UUID has 36.
pub const MAX_ID_CHARACTERS: usize = 200;

/// The sessions that have ended, in all adapters on one database.
#[derive(Debug, Clone)]
pub struct EndedSessions {
    pool: Pool,
    memory: Arc<Memory>,
}

impl EndedSessions {
    /// Creates the table, unless it is there, and reads it.
    ///
    /// # Errors
    ///
    /// When PostgreSQL refuses or does not answer.
    pub async fn open(pool: Pool, memory: Arc<Memory>) -> Result<Self, Error> {
        store::create_table(&pool).await?;
        let asked = Instant::now();
        let ended = store::ended_within(&pool, memory.remembers()).await?;
        memory.learn(ended, asked);
        Ok(Self { pool, memory })
    }

    /// Ends sessions: their tokens are refused here from now on, and by the other adapters as soon
    /// as they hear of it. Sessions that have ended, and such that never were, do no harm.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for more than 1,000 ids or one that is none, [`Error::Unavailable`] when
    /// PostgreSQL did not take them; then some or none have ended, and the call may be repeated.
    pub async fn end(&self, sessions: Vec<String>) -> Result<(), Error> {
        if sessions.len() > MAX_PER_CALL {
            return Err(Error::Invalid("at most 1,000 sessions end in one call"));
        }
        if !sessions.iter().all(|session| is_id(session)) {
            return Err(Error::Invalid("a session's id has 1 to 200 characters"));
        }
        if sessions.is_empty() {
            return Ok(());
        }
        // An adapter that forgot one would accept its tokens again, so there it stops.
        if self.memory.is_full() {
            tracing::error!("more sessions ended within a token's lifetime than can be remembered");
            return Err(Error::Unavailable("too many sessions have ended".into()));
        }
        store::end(&self.pool, sessions.clone()).await?;
        self.memory.add(
            sessions
                .into_iter()
                .map(|session| (session, Duration::ZERO)),
        );
        Ok(())
    }

    /// What keeps the memory fresh; to be run by the caller. `options` are for a connection of its
    /// own, and `patience` is how long PostgreSQL may take to answer on it.
    #[must_use]
    pub fn listener(&self, options: PgConnectOptions, patience: Duration) -> Listener {
        Listener::new(self.memory.clone(), options, patience)
    }
}

/// Whether `text` can be a session's id. PostgreSQL cannot keep NUL.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=MAX_ID_CHARACTERS).contains(&text.chars().count()) && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_1_to_200_characters_that_can_be_kept() {
        assert!(is_id("x") && is_id(&"é".repeat(MAX_ID_CHARACTERS)));
        assert!(!is_id("") && !is_id(&"x".repeat(MAX_ID_CHARACTERS + 1)) && !is_id("a\0b"));
    }
}
