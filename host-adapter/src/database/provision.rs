//! Creates one role and one schema per component.
//!
//! The role of a component owns nothing. The tables belong to the administrator, who runs the
//! migrations, and the role may read and write them. It cannot create or drop anything, cannot access
//! other schemas, and cannot become another role. The role for documents belongs to the adapter. It
//! owns its schema, in which it creates a table per collection.

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};

use super::{
    connect,
    lock::{Lock, Work},
    quoted,
    restrict::restrict,
};
use adapter_capabilities::{outbox, vault::DerivedSecret};

/// Maximum length of a name in bytes. PostgreSQL truncates longer names, so two roles could become one.
const MAX_ROLE_NAME: usize = 63;

/// How long to wait for a lock that another session holds.
const LOCK_TIMEOUT: &str = "10s";

/// The comment on every role that the adapter created, before the id of the key that its password is derived
/// from. The adapter does not take over a role without it.
const MARK: &str = "made by Spindle";

/// The tables whose locks serialise what a role creates in a schema that it owns; see
/// `adapter_capabilities::postgres::Definitions`.
const DEFINITIONS: &str = "create table if not exists spindle_definitions (); \
    create table if not exists spindle_index_definitions ()";

/// The class of SQLSTATE 28P01, `invalid_password`, and 28000, `invalid_authorization_specification`.
const WRONG_PASSWORD: &str = "28";

/// SQLSTATE `too_many_connections`.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// Finds a role by its name, and returns its comment and its limit of connections.
const KNOWN_ROLE: &str =
    "select shobj_description(oid, 'pg_authid'), rolconnlimit from pg_roles where rolname = $1";

/// The role and schema of one component.
#[derive(Debug)]
pub struct Provision<'a> {
    /// The name of the component, which is also the name of its schema.
    pub component: &'a str,
    /// The role that the component connects as; see [`role_name`].
    pub role: &'a str,
    /// The passwords that the role may have, if the adapter creates the role: that of the active key first.
    pub passwords: Option<&'a [DerivedSecret]>,
    /// How many connections PostgreSQL accepts of the role, if the adapter creates it.
    pub connections: usize,
    /// Whether the role owns its schema, or only uses what is in it.
    pub owner: bool,
    /// Whether the component sends messages.
    pub messages: bool,
}

/// Returns the name of a component's role. It contains the name of the database, because roles belong
/// to the whole PostgreSQL cluster, and two installations of Spindle may share a cluster.
#[must_use]
pub fn role_name(options: &PgConnectOptions, component: &str) -> String {
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    format!("{database}_{component}")
}

impl Provision<'_> {
    /// Creates the role and the schema if they do not exist, and grants the role its rights. Several
    /// adapters may do this at the same time. Returns the role's password if the adapter knows it.
    ///
    /// # Errors
    ///
    /// PostgreSQL rejected a statement. If a right is missing, the error names it.
    pub async fn apply(&self, admin: &PgConnectOptions) -> anyhow::Result<Option<SecretString>> {
        anyhow::ensure!(
            self.role.len() <= MAX_ROLE_NAME,
            "role `{}` is longer than PostgreSQL's {MAX_ROLE_NAME} bytes for a name: set `{}`",
            self.role,
            variable(self.component)
        );
        let mut connection = connect(admin, self.component).await?;
        connection
            .execute(AssertSqlSafe(format!(
                "set lock_timeout = '{LOCK_TIMEOUT}'"
            )))
            .await?;
        let lock = Lock::take(admin, Work::Provision).await?;
        let mut password = None;
        if let Some(passwords) = self.passwords {
            let created = self.create_role(admin, &mut connection, passwords).await;
            password = created.with_context(|| {
                let (role, variable) = (self.role, variable(self.component));
                format!(
                    "creating role `{role}`: `DATABASE_URL` needs `createrole`, or set `{variable}`"
                )
            })?;
        }
        self.create_schema(&mut connection)
            .await
            .with_context(|| format!("schema `{}`", self.component))?;
        lock.release().await;
        Ok(password)
    }

    /// Creates the role, or finds out which of the `passwords` it has, and returns that.
    ///
    /// Other adapters may be connected with the password of an older key, so the role keeps it as long as that
    /// key's file exists.
    async fn create_role(
        &self,
        admin: &PgConnectOptions,
        connection: &mut PgConnection,
        passwords: &[DerivedSecret],
    ) -> anyhow::Result<Option<SecretString>> {
        let role = quoted(self.role);
        let known = sqlx::query(KNOWN_ROLE).bind(self.role);
        let limit = i32::try_from(self.connections).unwrap_or(i32::MAX);
        let (mut limited, mut comment) = (None, String::new());
        match known.fetch_optional(&mut *connection).await? {
            None => run(connection, format!("create role {role} login noinherit")).await?,
            Some(row) => {
                comment = row.try_get::<Option<String>, _>(0)?.unwrap_or_default();
                anyhow::ensure!(
                    comment.starts_with(MARK),
                    "the role exists already, and the adapter did not create it"
                );
                limited = Some(row.try_get::<i32, _>(1)?);
            }
        }
        if limited != Some(limit) {
            let alter = format!("alter role {role} connection limit {limit}");
            run(connection, alter).await?;
        }
        let mut accepted = None;
        if limited.is_some() {
            accepted = self.accepted(admin, passwords, &comment).await?;
        }
        let Some(password) = accepted.or(passwords.first()) else {
            return Ok(None);
        };
        if accepted.is_none() {
            // The password is hexadecimal (`KeyRing::derive`), so it needs no quoting.
            let secret = password.secret.expose_secret();
            run(connection, format!("alter role {role} password '{secret}'")).await?;
        }
        self.name_key(connection, password, &comment).await?;
        Ok(Some(password.secret.clone()))
    }

    /// Returns the password that the role has. That of the key which the comment of the role names is tried
    /// first.
    async fn accepted<'p>(
        &self,
        admin: &PgConnectOptions,
        passwords: &'p [DerivedSecret],
        comment: &str,
    ) -> anyhow::Result<Option<&'p DerivedSecret>> {
        let named = |one: &&DerivedSecret| comment == mark(one);
        let (first, others): (Vec<_>, Vec<_>) = passwords.iter().partition(named);
        for one in first.into_iter().chain(others) {
            if self.accepts(admin, &one.secret).await? {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }

    /// Writes into the comment of the role which key its password is derived from, unless it is there.
    async fn name_key(
        &self,
        connection: &mut PgConnection,
        password: &DerivedSecret,
        comment: &str,
    ) -> anyhow::Result<()> {
        let mark = mark(password);
        if comment == mark {
            return Ok(());
        }
        // A key's id has visible ASCII characters, and a quote may be among them.
        let (role, mark) = (quoted(self.role), mark.replace('\'', "''"));
        run(connection, format!("comment on role {role} is '{mark}'")).await
    }

    /// Returns whether the role has this password. The password is set only if it differs, because
    /// PostgreSQL may log the statement that sets it, and others may be connected with it.
    async fn accepts(
        &self,
        admin: &PgConnectOptions,
        password: &SecretString,
    ) -> anyhow::Result<bool> {
        let options = admin
            .clone()
            .username(self.role)
            .password(password.expose_secret());
        let error = match options.connect().await {
            Ok(connection) => return Ok(connection.close().await.is_ok()),
            Err(error) => error,
        };
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            Some(code) if code.starts_with(WRONG_PASSWORD) => Ok(false),
            // PostgreSQL counts connections after it has checked the password.
            Some(TOO_MANY_CONNECTIONS) => Ok(true),
            _ => Err(error).context("connecting as the role"),
        }
    }

    async fn create_schema(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let (role, schema) = (quoted(self.role), quoted(self.component));
        restrict(connection, self.role, self.owner).await?;
        // Before PostgreSQL 15, every role may create tables in `public`.
        run(
            connection,
            "do $$ begin if exists (select from pg_namespace where nspname = 'public') then \
             revoke create on schema public from public; end if; end $$"
                .into(),
        )
        .await?;
        run(connection, format!("create schema if not exists {schema}")).await?;
        let usage = if self.owner { "usage, create" } else { "usage" };
        run(
            connection,
            format!("grant {usage} on schema {schema} to {role}"),
        )
        .await?;
        if self.owner {
            connection.execute(DEFINITIONS).await?;
        }
        if self.messages {
            connection
                .execute(outbox::SCHEMA)
                .await
                .context("creating table `outbox`")?;
        }
        let rights = "select, insert, update, delete on tables";
        run(
            connection,
            format!("alter default privileges in schema {schema} grant {rights} to {role}"),
        )
        .await?;
        let rights = "select, insert, update, delete on all tables in schema";
        run(connection, format!("grant {rights} {schema} to {role}")).await?;
        let rights = "usage, select on sequences";
        run(
            connection,
            format!("alter default privileges in schema {schema} grant {rights} to {role}"),
        )
        .await
    }
}

/// The comment on a role with this password.
fn mark(password: &DerivedSecret) -> String {
    format!("{MARK} {}", password.kid)
}

/// The name of the variable with the URL of a component's own role.
pub(crate) fn variable(component: &str) -> String {
    format!(
        "{}_DATABASE_URL",
        component.replace('-', "_").to_ascii_uppercase()
    )
}

async fn run(connection: &mut PgConnection, sql: String) -> anyhow::Result<()> {
    connection.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}
