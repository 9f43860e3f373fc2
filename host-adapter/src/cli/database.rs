//! The PostgreSQL that a command uses: the server in the settings, or the private one.

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{ConnectOptions as _, Executor as _, postgres::PgConnectOptions};

use super::{Invocation, print};
use crate::{
    database,
    dev::{Options, PrivatePostgres},
};

/// The private cluster's directory in the project.
pub(super) const PRIVATE_DIRECTORY: &str = ".spindle/postgres";
/// The database in the private cluster.
pub(super) const PRIVATE_DATABASE: &str = "spindle";

const NOT_RUNNING: &str = "the private PostgreSQL is not running; start it with `./dev up`";

/// A PostgreSQL server, external or private.
pub(super) struct Database {
    pub(super) admin: PgConnectOptions,
    url: SecretString,
    private: Option<PrivatePostgres>,
}

impl Database {
    /// Uses `DATABASE_URL` if it is set. Otherwise starts the private cluster unless it runs.
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

    /// The database as it is. It starts and creates nothing.
    ///
    /// # Errors
    ///
    /// There is no `DATABASE_URL`, and the private cluster does not run.
    pub(super) async fn existing(invocation: &Invocation) -> anyhow::Result<Self> {
        if let Some(url) = &invocation.settings.databases.postgres {
            return Ok(Self {
                admin: database::options(url).context("`DATABASE_URL`")?,
                url: url.clone(),
                private: None,
            });
        }
        let directory = invocation.project.join(PRIVATE_DIRECTORY);
        let url =
            PrivatePostgres::existing_url(&directory, PRIVATE_DATABASE).context(NOT_RUNNING)?;
        let admin = database::options(&url)?;
        admin
            .connect()
            .await
            .map_err(|_| anyhow::anyhow!(NOT_RUNNING))?;
        Ok(Self {
            admin,
            url,
            private: None,
        })
    }

    /// From now on, starts the private cluster again if it is killed.
    pub(super) fn supervise(&mut self) {
        if let Some(private) = &mut self.private {
            private.supervise(&Options::default());
        }
    }

    /// Stops the private cluster. If that fails, the next start adopts it.
    pub(super) async fn close(self) {
        if let Some(private) = self.private
            && let Err(error) = private.stop().await
        {
            tracing::error!("stopping the private PostgreSQL failed: {error}");
        }
    }

    /// The server's location, for the banner.
    pub(super) fn describe(&self) -> String {
        match &self.private {
            Some(private) => format!("private, in {}", private.directory().display()),
            None => format!("{}, port {}", self.admin.get_host(), self.admin.get_port()),
        }
    }
}

/// Prints the URL of the running database. It contains a password, which the operator may see.
pub(super) async fn database_url(invocation: &Invocation) -> anyhow::Result<()> {
    let database = Database::existing(invocation).await?;
    print(database.url.expose_secret())
}

async fn create_database(server: &PgConnectOptions, name: &str) -> anyhow::Result<()> {
    let mut connection = server.connect().await?;
    let existing = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
    if existing.fetch_optional(&mut connection).await?.is_none() {
        connection
            .execute(sqlx::AssertSqlSafe(format!("create database \"{name}\"")))
            .await?;
    }
    Ok(())
}
