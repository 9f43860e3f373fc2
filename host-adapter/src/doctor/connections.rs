//! Connections that the pools may open against those that PostgreSQL accepts.

use super::database::{Database, limited};
use crate::{checks::Finding, config::Settings};

const CHECK: &str = "connections";

/// Connections of a pool beside those of the setting: for background work, and one that ends the sessions of
/// others.
const BACKGROUND: usize = 3;

/// The pool for revoked sessions, and the connection that listens for them.
const SESSIONS: usize = 6;

/// The pool for opened envelopes.
const ENVELOPES: usize = 5;

const LIMIT: &str = "select current_setting('max_connections')::int8 \
     - current_setting('superuser_reserved_connections')::int8";

pub(super) async fn check(database: &mut Database, settings: &Settings) -> Vec<Finding> {
    let query = sqlx::query_scalar(LIMIT).fetch_one(&mut database.connection);
    // A database that does not answer is reported by the other checks.
    let Ok(limit) = limited(query).await else {
        return Vec::new();
    };
    let accepted: i64 = limit;
    let needed = needed(settings);
    let what = format!(
        "all pools together open up to {needed} connections, and PostgreSQL accepts {accepted}"
    );
    if i64::try_from(needed).unwrap_or(i64::MAX) <= accepted {
        return vec![Finding::fine(CHECK, what)];
    }
    let fix =
        "lower `postgres.connections` in adapter.toml, or raise PostgreSQL's `max_connections`";
    vec![Finding::warning(CHECK, what, fix)]
}

fn needed(settings: &Settings) -> usize {
    let components = settings.components.values();
    let with_tables = components.clone().filter(|grants| grants.postgres).count();
    let documents = settings.databases.mongodb.is_none()
        && components
            .clone()
            .any(|grants| !grants.collections.is_empty());
    let sessions = components.clone().any(|grants| !grants.tokens.is_empty());
    let pools = with_tables + usize::from(documents);
    let envelopes = crate::assembly::shares_opened(settings);
    pools * (settings.postgres.connections + BACKGROUND)
        + usize::from(sessions) * SESSIONS
        + usize::from(envelopes) * ENVELOPES
}
