//! PostgreSQL for a command: the one that the settings name, or the private one.

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{ConnectOptions as _, Executor as _, postgres::PgConnectOptions};

use super::{Invocation, print};
use crate::{
    database,
    dev::{Options, PrivatePostgres},
};

/// The private cluster's place in the project, and the database in it.
const PRIVATE_DIRECTORY: &str = ".spindle/postgres";
pub(super) const PRIVATE_DATABASE: &str = "spindle";

/// PostgreSQL, somebody else's or our own.
pub(super) struct Database {
    pub(super) admin: PgConnectOptions,
    url: SecretString,
    private: Option<PrivatePostgres>,
}

impl Database {
    /// `DATABASE_URL`, or the private cluster, started if it does not run.
    pub(super) async fn open(invocation: &Invocation) -> anyhow::Result<Self> {
        let settings = &invocation.settings;
        if let Some(url) = &settings.databases.postgres {
            let admin = database::options(url).context("`DATABASE_URL`")?;
            return Ok(Self {
                admin,
                url: url.clone(),
                private: None,
            });
        }
        anyhow::ensure!(
            !settings.production,
            "with `PRODUCTION=true` there is no private PostgreSQL: set `DATABASE_URL`"
        );
        let directory = invocation.project.join(PRIVATE_DIRECTORY);
        let private = PrivatePostgres::start(&directory, &Options::default()).await?;
        create_database(
            &database::options(&private.url("postgres"))?,
            PRIVATE_DATABASE,
        )
        .await?;
        let url = private.url(PRIVATE_DATABASE);
        Ok(Self {
            admin: database::options(&url)?,
            url,
            private: Some(private),
        })
    }

    /// Stops what was started; a failure leaves a cluster that the next start takes over.
    pub(super) async fn close(self) {
        if let Some(private) = self.private
            && let Err(error) = private.stop().await
        {
            tracing::error!("stopping the private PostgreSQL: {error}");
        }
    }

    /// Where it is, for the banner.
    pub(super) fn describe(&self) -> String {
        match &self.private {
            Some(private) => format!("private, in {}", private.directory().display()),
            None => format!("{}, port {}", self.admin.get_host(), self.admin.get_port()),
        }
    }
}

/// Prints the URL of the database in use, which is a secret: the person who asks owns it.
pub(super) async fn database_url(invocation: &Invocation) -> anyhow::Result<()> {
    let database = Database::open(invocation).await?;
    let running = database
        .private
        .as_ref()
        .is_none_or(PrivatePostgres::is_adopted);
    let url = database.url.clone();
    database.close().await;
    anyhow::ensure!(
        running,
        "the private PostgreSQL does not run: start `./dev up` first"
    );
    print(url.expose_secret())
}

async fn create_database(server: &PgConnectOptions, name: &str) -> anyhow::Result<()> {
    let mut connection = server.connect().await?;
    let known = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
    if known.fetch_optional(&mut connection).await?.is_none() {
        connection
            .execute(sqlx::AssertSqlSafe(format!("create database \"{name}\"")))
            .await?;
    }
    Ok(())
}
