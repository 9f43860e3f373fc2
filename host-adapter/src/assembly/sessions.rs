//! Which sessions have ended, for whoever issues or checks tokens.

use std::sync::Arc;

use anyhow::Context as _;

use super::Builder;
use crate::config;
use adapter_capabilities::{
    postgres::Pool,
    sessions::{Listener, Revocations, RevokedSessions},
};

/// The schema and role of the table of ended sessions.
pub(super) const TOKENS: &str = "tokens";

/// Sessions end seldom, and checking tokens asks nobody.
const CONNECTIONS: u32 = 2;

/// What there is when anybody is granted tokens.
pub(super) struct Sessions {
    pub(super) ended: RevokedSessions,
    pub(super) listener: Listener,
    pub(super) pool: Pool,
}

impl Builder<'_> {
    pub(super) async fn sessions(
        &self,
        memory: &Arc<Revocations>,
    ) -> anyhow::Result<Option<Sessions>> {
        let mut grants = self.settings.components.values();
        if !grants.any(config::Grants::uses_tokens) {
            return Ok(None);
        }
        let options = self.role(TOKENS, true, false).await?;
        let pool = self.pool_of(options.clone(), TOKENS, CONNECTIONS)?;
        let ended = RevokedSessions::open(pool.clone(), memory.clone())
            .await
            .context("reading which sessions have ended")?;
        let postgres = &self.settings.postgres;
        let patience = postgres.acquire_timeout.max(postgres.statement_timeout);
        Ok(Some(Sessions {
            listener: ended.listener(options, patience),
            ended,
            pool,
        }))
    }
}
