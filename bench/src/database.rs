//! The PostgreSQL of all hosts: a private one, or the one at `DATABASE_URL`. Each host has a database of its
//! own there, so that no adapter delivers another one's messages.

use std::{env, path::Path};

use anyhow::Context as _;
use host_adapter::dev::{Options, PrivatePostgres};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// Where the private server listens beside its socket, because Spin's components cannot use sockets. Every
/// address of 127.0.0.0/8 is loopback, and other servers rarely use this one.
const ADDRESS: &str = "127.0.83.1";

/// Several hosts, each with pools of some 40 connections.
const MAX_CONNECTIONS: u32 = 400;

/// Databases of other names are never dropped.
const PREFIX: &str = "spindle_bench_";

pub(crate) enum Server {
    Private(PrivatePostgres),
    External(SecretString),
}

impl Server {
    /// Starts the private server in `directory`, unless `DATABASE_URL` is set. `clean` removes the directory
    /// that an interrupted measurement has left.
    pub(crate) async fn start(
        directory: &Path,
        clean: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        if let Ok(url) = env::var("DATABASE_URL") {
            clean()?;
            return Ok(Self::External(url.into()));
        }
        let options = Options {
            max_connections: MAX_CONNECTIONS,
            ..Options::default()
        };
        if directory.exists() {
            // It may still run.
            PrivatePostgres::start(directory, &options)
                .await?
                .stop()
                .await?;
        }
        clean()?;
        let server = PrivatePostgres::start(directory, &options).await?;
        execute(&server.url("postgres"), &listen()).await?;
        server.stop().await?;
        Ok(Self::Private(
            PrivatePostgres::start(directory, &options).await?,
        ))
    }

    /// Makes an empty database, and returns its URL for an administrator.
    pub(crate) async fn create(&self, name: &str) -> anyhow::Result<SecretString> {
        let name = format!("{PREFIX}{}", name.replace('-', "_"));
        let admin = self.url("postgres")?;
        execute(
            &admin,
            &format!("drop database if exists {name} with (force)"),
        )
        .await?;
        execute(&admin, &format!("create database {name}")).await?;
        self.url(&name)
    }

    fn url(&self, database: &str) -> anyhow::Result<SecretString> {
        match self {
            Self::Private(server) => Ok(server.url(database)),
            Self::External(url) => Ok(with_database(url.expose_secret(), database)?.into()),
        }
    }

    /// The same URL for a client that cannot use a socket.
    pub(crate) fn over_tcp(&self, url: &SecretString) -> anyhow::Result<SecretString> {
        match self {
            Self::Private(_) => Ok(with_address(url.expose_secret(), ADDRESS)?.into()),
            Self::External(_) => Ok(url.clone()),
        }
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Private(server) => Ok(server.stop().await?),
            Self::External(_) => Ok(()),
        }
    }
}

fn listen() -> String {
    format!("alter system set listen_addresses = '{ADDRESS}'")
}

async fn execute(url: &SecretString, statement: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url.expose_secret()).await?;
    // Made of constants and the names of hosts.
    connection
        .execute(AssertSqlSafe(statement))
        .await
        .with_context(|| format!("`{statement}`"))?;
    Ok(connection.close().await?)
}

/// `postgres://user:password@host/database?options` with another database.
fn with_database(url: &str, database: &str) -> anyhow::Result<String> {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address
        .split_once("://")
        .context("the database's URL has no `://`")?;
    let server = rest.split('/').next().unwrap_or(rest);
    let mut changed = format!("{scheme}://{server}/{database}");
    if !options.is_empty() {
        changed = format!("{changed}?{options}");
    }
    Ok(changed)
}

/// The same with another host, and without options.
fn with_address(url: &str, host: &str) -> anyhow::Result<String> {
    let (address, _) = url.split_once('?').unwrap_or((url, ""));
    let (credentials, rest) = address
        .rsplit_once('@')
        .context("the database's URL has no `@`")?;
    let (_, database) = rest
        .split_once('/')
        .context("the database's URL names no database")?;
    Ok(format!("{credentials}@{host}:5432/{database}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_another_database() {
        let changed = |url| with_database(url, "other").unwrap();
        let expected = "postgres://u:p@localhost:5432/other";
        assert_eq!(changed("postgres://u:p@localhost:5432/one"), expected);
        assert_eq!(changed("postgres://u:p@localhost:5432"), expected);
        let options = changed("postgres://u:p@localhost/one?host=%2Ftmp");
        assert_eq!(options, "postgres://u:p@localhost/other?host=%2Ftmp");
        assert!(with_database("localhost", "other").is_err());
    }

    #[test]
    fn a_url_with_a_socket_gets_an_address() {
        let changed = with_address("postgres://u:p@localhost/one?host=%2Ftmp", ADDRESS);
        assert_eq!(changed.unwrap(), "postgres://u:p@127.0.83.1:5432/one");
        assert!(with_address("postgres://localhost/one", ADDRESS).is_err());
    }
}
