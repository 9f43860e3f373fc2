//! Prepares databases: roles, schemas and migrations. This module uses the administrative connection
//! (`DATABASE_URL`). Calls of components never use it.

pub mod indexes;
mod lock;
pub mod migrations;
mod provision;
mod restrict;
pub mod unknown;

use std::str::FromStr as _;

use anyhow::Context as _;
pub(crate) use provision::variable as url_variable;
pub use provision::{Provision, role_name};
pub(crate) use restrict::rights_that_stay;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

/// Settings of every session, by which PostgreSQL notices within a minute that a host has vanished, and
/// releases its locks. By default it takes hours. They are for TCP only.
const VANISHED_HOSTS: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
];

/// The schema in which the adapter records the applied migrations. Components have no access to it.
const SCHEMA: &str = "spindle";

/// Quotes an identifier for SQL. `config` validates names, but a name such as `user` is also a keyword.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads a database URL.
///
/// # Errors
///
/// The URL is not valid. The error does not repeat it, because it contains a password.
pub fn options(url: &SecretString) -> anyhow::Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| anyhow::anyhow!("not a PostgreSQL URL"))?;
    Ok(options
        .application_name("host-adapter")
        .options(VANISHED_HOSTS)
        .disable_statement_logging())
}

/// Connects as the administrator, with `schema` first in the search path.
///
/// # Errors
///
/// The connection cannot be opened, and the error names host and port. Or a connection pooler dropped the
/// options: migrations would make their tables in another schema, and statements would have no time limit.
pub async fn connect(options: &PgConnectOptions, schema: &str) -> anyhow::Result<PgConnection> {
    let path = quoted(schema);
    let options = options.clone().options([("search_path", path.as_str())]);
    let connected = options.connect().await;
    let mut connection = connected.with_context(|| {
        let (host, port) = (options.get_host(), options.get_port());
        format!("connecting to PostgreSQL at {host}, port {port} (`DATABASE_URL`)")
    })?;
    let taken = sqlx::query_scalar::<_, String>("select current_setting('search_path')");
    anyhow::ensure!(
        taken.fetch_one(&mut connection).await? == path,
        "PostgreSQL did not get the options of the connection: a pooler, such as PgBouncer, drops them; \
         set `DATABASE_URL` to the address of PostgreSQL itself"
    );
    Ok(connection)
}
