//! The positions of documents: the ids of the transactions that stored them, which no clock can set back.
//!
//! PostgreSQL knows the oldest transaction that still runs. Every transaction before it has ended, so its
//! documents are visible or never will be: they are settled. A transaction that runs for long, in any
//! database of the cluster, holds the settled position back.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use sqlx::{PgConnection, Row as _};

use super::super::Error;
use super::{
    Jsonb,
    statement::{Parameter, Statement},
};
use crate::postgres::Pool;

/// Transactions in one epoch (see `positions.sql`): enough for centuries at a thousand in a second. A
/// position still fits into 63 bits.
const EPOCH: i64 = 1 << 44;

/// The first position of the current epoch.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(Arc<AtomicI64>);

impl Positions {
    pub(super) async fn load(&self, pool: &Pool) -> Result<(), Error> {
        let epoch: i64 = pool
            .run(|connection| Box::pin(async { Ok(read_epoch(connection).await?) }))
            .await?;
        self.0.store(epoch.saturating_mul(EPOCH), Ordering::Relaxed);
        Ok(())
    }

    /// Appends an expression for the position of what this statement stores.
    pub(super) fn append_next(&self, statement: &mut Statement) {
        statement
            .text("(")
            .parameter(self.first())
            .text("::bigint + pg_current_xact_id()::text::bigint)");
    }

    fn first(&self) -> Parameter {
        Parameter::Number(self.0.load(Ordering::Relaxed))
    }
}

impl Jsonb {
    pub(in crate::documents) async fn settled_position(&self) -> Result<u64, Error> {
        let mut statement = Statement::default();
        statement
            .text("select ")
            .parameter(self.positions.first())
            .text("::bigint + pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1");
        let settled: i64 = self
            .pool
            .run(move |connection| {
                Box::pin(async move {
                    let row = statement.into_query().fetch_one(connection).await?;
                    Ok(row.try_get(0)?)
                })
            })
            .await?;
        Ok(settled.unsigned_abs())
    }
}

async fn read_epoch(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let epoch = sqlx::query("select max(epoch) from spindle_positions");
    epoch.fetch_one(connection).await?.try_get(0)
}
