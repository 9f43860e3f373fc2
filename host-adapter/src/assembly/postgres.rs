//! Connections to PostgreSQL, each under a role that reaches one schema.

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use super::{Builder, documents::DOCUMENTS};
use adapter_capabilities::{
    postgres::{Pool, Postgres, PostgresSettings},
    vault::DerivedSecret,
};

use crate::{
    config,
    database::{self, Provision},
};

/// Options for documents. PostgreSQL estimates tens of thousands of rows for their filters where
/// there are a few. It would start workers (60 ms) and compile (30 ms) a query that takes 1 ms.
const QUICK: [(&str, &str); 2] = [("jit", "off"), ("max_parallel_workers_per_gather", "0")];

impl Builder<'_> {
    pub(super) async fn postgres(
        &self,
        name: &str,
        grants: &config::Grants,
    ) -> anyhow::Result<Postgres> {
        let pool = self.pool(name, false, !grants.peers.is_empty()).await?;
        Ok(Postgres::new(
            name,
            pool,
            self.settings.postgres,
            &grants.peers,
        ))
    }

    /// Connections under a role of `name`'s own.
    pub(super) async fn pool(
        &self,
        name: &str,
        owner: bool,
        messages: bool,
    ) -> anyhow::Result<Pool> {
        let options = self.role(name, owner, messages).await?;
        self.pool_of(options, name, &self.settings.postgres)
    }

    /// How to connect under a role of `name`'s own, which is created unless `<NAME>_DATABASE_URL`
    /// names one that the operator manages.
    pub(super) async fn role(
        &self,
        name: &str,
        owner: bool,
        messages: bool,
    ) -> anyhow::Result<PgConnectOptions> {
        let own = self.settings.databases.components.get(name);
        let options = self.options(name)?;
        let place = |options: &PgConnectOptions| {
            let database = options.get_database().map(str::to_owned);
            (options.get_host().to_owned(), options.get_port(), database)
        };
        anyhow::ensure!(
            place(&options) == place(self.admin),
            "the database URL of `{name}` must name another role on the server and database of `DATABASE_URL`"
        );
        let passwords = own
            .is_none()
            .then(|| self.passwords(options.get_username()));
        let provision = Provision {
            component: name,
            role: options.get_username(),
            passwords: passwords.as_deref(),
            connections: Pool::max_connections(&self.settings.postgres)
                * self.settings.postgres.max_adapters,
            owner,
            messages,
        };
        let password = provision.apply(self.admin).await?;
        let options = match password {
            Some(password) => options.password(password.expose_secret()),
            None => options,
        };
        let schema = format!("\"{name}\"");
        let mut options = options.options([("search_path", schema.as_str())]);
        if name == DOCUMENTS {
            options = options.options(QUICK);
        }
        Ok(options)
    }

    /// Connections by these settings, for the threads that serve and for background work.
    pub(super) fn pool_of(
        &self,
        options: PgConnectOptions,
        name: &str,
        settings: &PostgresSettings,
    ) -> anyhow::Result<Pool> {
        let label = format!("PostgreSQL for `{name}`");
        Pool::new(options, settings, self.settings.listening.threads, &label)
    }

    /// How to connect under a role of `name`'s own.
    pub(super) fn options(&self, name: &str) -> anyhow::Result<PgConnectOptions> {
        match self.settings.databases.components.get(name) {
            Some(url) => {
                database::options(url).with_context(|| format!("the database URL of `{name}`"))
            }
            None => Ok(self.derived(name)),
        }
    }

    /// Like [`Self::options`], with the password that the role has now.
    pub(super) async fn existing_options(&self, name: &str) -> anyhow::Result<PgConnectOptions> {
        let options = self.options(name)?;
        if self.settings.databases.components.contains_key(name) {
            return Ok(options);
        }
        for password in self.passwords(options.get_username()) {
            let options = options.clone().password(password.secret.expose_secret());
            if let Ok(connection) = options.connect().await {
                connection.close().await?;
                return Ok(options);
            }
        }
        Ok(options)
    }

    /// The role that the adapter creates, with the password of the active key.
    fn derived(&self, name: &str) -> PgConnectOptions {
        let role = database::role_name(self.admin, name);
        let options = self.admin.clone().username(&role);
        match self.passwords(&role).first() {
            Some(password) => options.password(password.secret.expose_secret()),
            None => options,
        }
    }

    /// The passwords that a role may have. Adapters with the same keys derive the same ones, so that none locks
    /// another out.
    fn passwords(&self, role: &str) -> Vec<DerivedSecret> {
        self.keys.derive(&format!("postgres role {role}"))
    }
}
