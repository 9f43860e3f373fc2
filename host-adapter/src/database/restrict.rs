//! Revokes rights that PostgreSQL gives to every role, and that a component must not have.
//!
//! Only the owner of a database can revoke rights to it, and only a superuser those to PostgreSQL's own
//! functions. Otherwise PostgreSQL warns and leaves them, and so does the adapter.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::quoted;

/// Functions that act beyond a component's schema, as a condition on `pg_proc`:
///
/// - Locks: a statement takes any number of advisory locks, for which the whole server has one table. When that
///   is full, new connections fail.
/// - Settings: a limit such as `work_mem` or `statement_timeout` would change for later calls on the session.
/// - Large objects belong to no schema, and have no limit. So do notifications and records in the log of changes.
/// - The address of the server.
const FUNCTIONS: &str = "pronamespace = 'pg_catalog'::regnamespace and (proname ~ '^pg_(try_)?advisory_' \
     and proname !~ 'unlock' or proname in ('set_config', 'lo_create', 'lo_creat', 'lo_from_bytea', 'pg_notify', \
     'pg_logical_emit_message', 'inet_server_addr', 'inet_server_port'))";

/// What is left of it, as text, unless the administrator is a superuser and can revoke it.
const LEFT: &str = "select what from (select 'function ' || oid::regprocedure as what from pg_proc \
         where has_function_privilege('public', oid, 'execute') and {functions} \
     union all select 'view pg_settings' where has_table_privilege('public', 'pg_catalog.pg_settings', 'update') \
     union all select 'temporary tables' where has_database_privilege('public', current_database(), 'temporary') \
         and pg_get_userbyid((select datdba from pg_database where datname = current_database())) <> current_user) \
     as rights where not (select rolsuper from pg_roles where rolname = current_user)";

/// Revokes it. A temporary table would outlive its call, and an update of `pg_settings` changes settings.
const REVOKE: &str = "do $$ declare name text; begin \
     execute format('revoke temporary on database %I from public', current_database()); \
     if has_table_privilege('public', 'pg_catalog.pg_settings', 'update') then \
         revoke update on pg_catalog.pg_settings from public; \
     end if; \
     for name in select oid::regprocedure from pg_proc \
         where has_function_privilege('public', oid, 'execute') and {functions} \
     loop execute format('revoke execute on function %s from public', name); end loop; \
     end $$";

/// Revokes these rights from all roles in the database. `role` may announce what it has changed, if it
/// belongs to the adapter itself.
///
/// # Errors
///
/// PostgreSQL rejected a statement.
pub(super) async fn restrict(
    connection: &mut PgConnection,
    role: &str,
    is_own: bool,
) -> anyhow::Result<()> {
    connection.execute(with_functions(REVOKE)).await?;
    if is_own {
        allow_to_notify(connection, role).await?;
    }
    let left = rights_that_stay(connection).await;
    warn(&left.context("looking for rights that every role has")?);
    Ok(())
}

/// The rights of every role that this administrator cannot revoke.
///
/// # Errors
///
/// PostgreSQL rejected a statement.
pub(crate) async fn rights_that_stay(
    connection: &mut PgConnection,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(with_functions(LEFT))
        .fetch_all(connection)
        .await
}

/// A statement with the condition on functions.
fn with_functions(sql: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.replace("{functions}", FUNCTIONS))
}

/// The adapter's own roles announce what they have changed.
async fn allow_to_notify(connection: &mut PgConnection, role: &str) -> anyhow::Result<()> {
    let may = "select has_function_privilege($1, 'pg_notify(text, text)', 'execute')";
    let may: bool = sqlx::query_scalar(may)
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    if !may {
        let role = quoted(role);
        let grant = format!("grant execute on function pg_notify(text, text) to {role}");
        connection.execute(AssertSqlSafe(grant)).await?;
    }
    Ok(())
}

/// Warns once in a process.
fn warn(left: &[String]) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !left.is_empty() && !WARNED.swap(true, Ordering::Relaxed) {
        let left = left.join(", ");
        tracing::warn!(
            "a hostile component could disturb others on this PostgreSQL: every role may use {left}. \
             Start once with a `DATABASE_URL` of a superuser, who can revoke it"
        );
    }
}
