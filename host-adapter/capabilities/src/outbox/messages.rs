//! The messages of an outbox, for an operator.

use sqlx::{Row as _, types::Uuid};

use crate::postgres::{Error, Postgres};

/// Messages of each kind that are listed.
const MAX_LISTED: i64 = 50;

const LIST: &str = "select id, peer, path, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), \
     attempts, refusal from \
     ((select * from outbox where refused_at is null order by id limit $1) \
     union all (select * from outbox where refused_at is not null order by id limit $1)) as listed \
     order by id";

/// A message that is not delivered yet.
#[derive(Debug, Clone)]
pub struct ListedMessage {
    /// Its id.
    pub id: Uuid,
    /// The peer that gets it.
    pub peer: String,
    /// The path at the peer.
    pub path: String,
    /// When it was written, in UTC.
    pub created: String,
    /// Deliveries so far.
    pub attempts: i32,
    /// Why it is not delivered again. `None` if it waits.
    pub rejection: Option<String>,
}

/// One component's outbox.
#[derive(Debug, Clone)]
pub struct Outbox(Postgres);

impl Outbox {
    /// The outbox in `postgres`, which must have been created with messages.
    #[must_use]
    pub fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }

    /// The oldest messages that wait, and the oldest that are not deliverable: at most 50 of each.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn list(&self) -> Result<Vec<ListedMessage>, Error> {
        let list = self.0.pool().run(|connection| {
            Box::pin(async move {
                let rows = sqlx::query(LIST).bind(MAX_LISTED).fetch_all(connection);
                let rows = rows.await?;
                let messages = rows.iter().map(|row| {
                    Ok(ListedMessage {
                        id: row.try_get(0)?,
                        peer: row.try_get(1)?,
                        path: row.try_get(2)?,
                        created: row.try_get(3)?,
                        attempts: row.try_get(4)?,
                        rejection: row.try_get(5)?,
                    })
                });
                messages
                    .collect::<Result<_, sqlx::Error>>()
                    .map_err(Error::from)
            })
        });
        list.await
    }

    /// Delivers a message again that was not deliverable. Returns whether it exists.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn retry(&self, id: Uuid) -> Result<bool, Error> {
        let sql = "update outbox set refused_at = null, refusal = null, next_attempt_at = now() \
             where id = $1 and refused_at is not null";
        let changed = self.change(sql, id).await?;
        if changed {
            self.0.message_signal().notify_one();
        }
        Ok(changed)
    }

    /// Deletes a message that was not deliverable. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn discard(&self, id: Uuid) -> Result<bool, Error> {
        let sql = "delete from outbox where id = $1 and refused_at is not null";
        self.change(sql, id).await
    }

    async fn change(&self, sql: &'static str, id: Uuid) -> Result<bool, Error> {
        let change = self.0.pool().run(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(sql).bind(id).execute(connection).await?;
                Ok(done.rows_affected() == 1)
            })
        });
        change.await
    }
}
