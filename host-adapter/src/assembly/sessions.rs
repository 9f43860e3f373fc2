//! What the adapter keeps in a schema of its own: the revoked sessions, for components that issue or verify
//! tokens, and the ids of opened envelopes.

use std::sync::Arc;

use anyhow::Context as _;
use sqlx::postgres::PgConnectOptions;

use super::Builder;
use crate::config::{Grants, Settings};
use adapter_capabilities::{
    postgres::{Pool, PostgresSettings},
    sessions::{Listener, Revocations, RevokedSessions},
    vault::{OpenedEnvelopes, ReplayScope},
};

/// The schema and role of the adapter's own tables.
pub(super) const TOKENS: &str = "tokens";

/// Few are enough: sessions end rarely, verifying a token does not need a connection, and one statement at a
/// time writes the ids of envelopes.
const CONNECTIONS: usize = 2;

/// The pool of opened envelopes in the log and in metrics.
const ENVELOPES: &str = "envelopes";

/// What exists if at least one component is granted tokens.
pub(super) struct Sessions {
    pub(super) ended: RevokedSessions,
    pub(super) listener: Listener,
    pub(super) pool: Pool,
}

impl Builder<'_> {
    /// The adapter's own role, if it keeps anything.
    pub(super) async fn own_role(&self) -> anyhow::Result<Option<PgConnectOptions>> {
        if !self.keeps_sessions() && !self.shares_opened() {
            return Ok(None);
        }
        self.role(TOKENS, true, false).await.map(Some)
    }

    pub(super) async fn sessions(
        &self,
        memory: &Arc<Revocations>,
        role: Option<&PgConnectOptions>,
    ) -> anyhow::Result<Option<Sessions>> {
        let Some(options) = role.filter(|_| self.keeps_sessions()) else {
            return Ok(None);
        };
        let postgres = self.few_connections();
        let pool = self.pool_of(options.clone(), TOKENS, &postgres)?;
        let ended = RevokedSessions::open(pool.clone(), memory.clone())
            .await
            .context("reading which sessions have ended")?;
        let timeout = postgres.acquire_timeout.max(postgres.statement_timeout);
        Ok(Some(Sessions {
            listener: ended.listener(
                options.clone(),
                timeout,
                self.settings.sessions.ended_sessions_kept_for,
            ),
            ended,
            pool,
        }))
    }

    /// The opened envelopes that this adapter shares with others, and their pool.
    pub(super) async fn opened(
        &self,
        role: Option<&PgConnectOptions>,
    ) -> anyhow::Result<Option<(OpenedEnvelopes, Pool)>> {
        let Some(options) = role.filter(|_| self.shares_opened()) else {
            return Ok(None);
        };
        let pool = self.pool_of(options.clone(), ENVELOPES, &self.few_connections())?;
        let opened = OpenedEnvelopes::open(pool.clone(), &self.settings.envelopes)
            .await
            .context("creating the table of opened envelopes")?;
        Ok(Some((opened, pool)))
    }

    fn few_connections(&self) -> PostgresSettings {
        PostgresSettings {
            connections: CONNECTIONS,
            ..self.settings.postgres
        }
    }

    fn keeps_sessions(&self) -> bool {
        let mut grants = self.settings.components.values();
        grants.any(|grants| !grants.tokens.is_empty())
    }

    fn shares_opened(&self) -> bool {
        shares_opened(self.settings)
    }
}

/// Whether adapters on one PostgreSQL share which envelopes they have opened.
pub(crate) fn shares_opened(settings: &Settings) -> bool {
    let opens = |grants: &Grants| !grants.envelopes.is_empty();
    let shares = match settings.envelopes.replay_scope {
        ReplayScope::Auto => settings.production && settings.databases.postgres.is_some(),
        ReplayScope::Process => false,
        ReplayScope::Database => true,
    };
    shares && settings.components.values().any(opens)
}
