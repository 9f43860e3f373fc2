//! The revoked sessions, for components that issue or verify tokens.

use std::sync::Arc;

use anyhow::Context as _;

use super::Builder;
use adapter_capabilities::{
    postgres::{Pool, PostgresSettings},
    sessions::{Listener, Revocations, RevokedSessions},
};

/// The schema and role of the table of ended sessions.
pub(super) const TOKENS: &str = "tokens";

/// Few are enough: sessions end rarely, and verifying a token does not need a connection.
const CONNECTIONS: usize = 2;

/// What exists if at least one component is granted tokens.
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
        if grants.all(|grants| grants.tokens.is_empty()) {
            return Ok(None);
        }
        let options = self.role(TOKENS, true, false).await?;
        let postgres = PostgresSettings {
            connections: CONNECTIONS,
            ..self.settings.postgres
        };
        let pool = self.pool_of(options.clone(), TOKENS, &postgres)?;
        let ended = RevokedSessions::open(pool.clone(), memory.clone())
            .await
            .context("reading which sessions have ended")?;
        let timeout = postgres.acquire_timeout.max(postgres.statement_timeout);
        Ok(Some(Sessions {
            listener: ended.listener(options, timeout),
            ended,
            pool,
        }))
    }
}
