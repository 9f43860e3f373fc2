//! The messages of an outbox, for an operator.

use std::sync::Arc;

use sqlx::{Row as _, postgres::PgRow, types::Uuid};
use tokio::sync::Notify;

use super::depth::{Depth, Known};
use crate::postgres::{Error, Pool, Postgres};

/// Messages of each kind that are listed.
const MAX_LISTED: i64 = 50;

/// Messages that one statement changes, so that it does not hold many rows for long.
const MAX_CHANGED: i64 = 1_000;

const LIST: &str = "select id, peer, path, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), \
     attempts, refused_at is not null, refusal from \
     ((select * from outbox where refused_at is null order by id limit $1) \
     union all (select * from outbox where refused_at is not null order by id limit $1)) as listed \
     order by id";

const FIND: &str = "select id, peer, path, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), \
     attempts, refused_at is not null, refusal, key, idempotency_key, body \
     from outbox where id = $1";

const RETRY: &str = "update outbox set refused_at = null, refusal = null, next_attempt_at = now(), \
     retried_at = now() where id = $1 and refused_at is not null";

const RETRY_ALL: &str = "update outbox set refused_at = null, refusal = null, next_attempt_at = now(), \
     retried_at = now() where id in (select id from outbox where refused_at is not null \
         limit $1 for update skip locked)";

const DISCARD: &str = "delete from outbox where id = $1 and refused_at is not null";

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
    /// Whether it is not delivered again.
    pub dead: bool,
    /// Why the last delivery failed.
    pub failure: Option<String>,
}

/// All of a message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What is listed of it.
    pub listed: ListedMessage,
    /// The ordering key.
    pub key: Option<String>,
    /// The idempotency key.
    pub idempotency_key: String,
    /// The JSON text. It may hold personal data.
    pub body: String,
}

/// One component's outbox.
#[derive(Debug, Clone)]
pub struct Outbox {
    component: Arc<str>,
    pool: Pool,
    stored: Arc<Notify>,
    depth: Known,
}

impl Outbox {
    /// The outbox in `postgres`, which must have been created with messages.
    #[must_use]
    pub fn new(postgres: &Postgres) -> Self {
        Self {
            component: postgres.component().clone(),
            pool: postgres.pool().clone(),
            stored: postgres.message_signal(),
            depth: Known::default(),
        }
    }

    /// The outbox of `component`, which another process delivers from. `pool` connects to its schema.
    #[must_use]
    pub fn of_other_process(component: &str, pool: Pool) -> Self {
        Self {
            component: component.into(),
            pool,
            stored: Arc::default(),
            depth: Known::default(),
        }
    }

    pub(super) fn component(&self) -> &Arc<str> {
        &self.component
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The signal that messages are due.
    pub(super) fn stored(&self) -> &Arc<Notify> {
        &self.stored
    }

    pub(super) fn known_depth(&self) -> &Known {
        &self.depth
    }

    /// How much it held when its relay looked last, at most `dispatch.outbox_interval` ago. `None` before the
    /// first look.
    #[must_use]
    pub fn depth(&self) -> Option<Depth> {
        self.depth.get()
    }

    /// Whether the table exists. It does after the first start with a grant to send messages.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn exists(&self) -> Result<bool, Error> {
        let work = self.pool.run(|connection| {
            Box::pin(async move {
                let query = sqlx::query_scalar("select to_regclass('outbox') is not null");
                Ok(query.fetch_one(connection).await?)
            })
        });
        work.await
    }

    /// The oldest messages that wait, and the oldest that are not deliverable: at most 50 of each.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn list(&self) -> Result<Vec<ListedMessage>, Error> {
        let work = self.pool.run(|connection| {
            Box::pin(async move {
                let rows = sqlx::query(LIST).bind(MAX_LISTED).fetch_all(connection);
                let rows = rows.await?;
                let messages = rows.iter().map(|row| listed(row).map_err(Error::from));
                messages.collect()
            })
        });
        work.await
    }

    /// Finds a message.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn find(&self, id: Uuid) -> Result<Option<Message>, Error> {
        let work = self.pool.run(move |connection| {
            Box::pin(async move {
                let row = sqlx::query(FIND).bind(id).fetch_optional(connection);
                let Some(row) = row.await? else {
                    return Ok(None);
                };
                Ok(Some(Message {
                    listed: listed(&row)?,
                    key: row.try_get(7)?,
                    idempotency_key: row.try_get(8)?,
                    body: row.try_get(9)?,
                }))
            })
        });
        work.await
    }

    /// Delivers a message again that was not deliverable. Returns whether it exists.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn retry(&self, id: Uuid) -> Result<bool, Error> {
        let changed = self.change(RETRY, id).await?;
        if changed {
            self.stored.notify_one();
        }
        Ok(changed)
    }

    /// Delivers all messages again that were not deliverable. Returns how many.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`]. Some of them may be delivered then.
    pub async fn retry_all(&self) -> Result<u64, Error> {
        let mut all = 0;
        loop {
            let work = self.pool.run(|connection| {
                Box::pin(async move {
                    let query = sqlx::query(RETRY_ALL).bind(MAX_CHANGED);
                    Ok(query.execute(connection).await?.rows_affected())
                })
            });
            let changed = work.await?;
            self.stored.notify_one();
            all += changed;
            if changed == 0 {
                return Ok(all);
            }
        }
    }

    /// Deletes a message that was not deliverable. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Timeout`].
    pub async fn discard(&self, id: Uuid) -> Result<bool, Error> {
        self.change(DISCARD, id).await
    }

    async fn change(&self, sql: &'static str, id: Uuid) -> Result<bool, Error> {
        let work = self.pool.run(move |connection| {
            Box::pin(async move {
                let done = sqlx::query(sql).bind(id).execute(connection).await?;
                Ok(done.rows_affected() == 1)
            })
        });
        work.await
    }
}

fn listed(row: &PgRow) -> Result<ListedMessage, sqlx::Error> {
    Ok(ListedMessage {
        id: row.try_get(0)?,
        peer: row.try_get(1)?,
        path: row.try_get(2)?,
        created: row.try_get(3)?,
        attempts: row.try_get(4)?,
        dead: row.try_get(5)?,
        failure: row.try_get(6)?,
    })
}
