//! One role and one schema per component.
//!
//! The component's role owns nothing: tables belong to the administrator who ran the migrations,
//! and the role may read and write them. It can neither create nor drop anything, cannot see other
//! schemas, and cannot become another role. The role for documents is the adapter's own and owns
//! its schema, in which it creates a table per collection.

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};

use super::{SCHEMA, connect, quoted};
use adapter_capabilities::outbox;

/// The limit in bytes. PostgreSQL truncates longer names, and two of them may become the same.
const MAX_ROLE_NAME: usize = 63;

/// Timeout for a lock that another adapter or session holds.
const LOCK_TIMEOUT: &str = "10s";

/// The comment on every role that is the adapter's: the adapter does not take over
/// a role of the same name without it.
const MARK: &str = "made by Spindle";

/// Finds a role by its name, and returns its comment.
const KNOWN_ROLE: &str =
    "select shobj_description(oid, 'pg_authid') from pg_roles where rolname = $1";

/// The role and schema of one component.
#[derive(Debug)]
pub struct Provision<'a> {
    /// Component id; also the schema's name.
    pub component: &'a str,
    /// Role to connect as; see [`role_name`].
    pub role: &'a str,
    /// Its password, if the role is the adapter's to create.
    pub password: Option<&'a SecretString>,
    /// Whether the role owns its schema, or only uses what is in it.
    pub owner: bool,
    /// Whether the component sends messages.
    pub messages: bool,
}

/// Roles belong to the whole PostgreSQL cluster, schemas to one database: the database's name in the
/// role's keeps two Spindles on one cluster apart.
#[must_use]
pub fn role_name(options: &PgConnectOptions, component: &str) -> String {
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    format!("{database}_{component}")
}

impl Provision<'_> {
    /// Creates what is missing. Repeatable, and safe when several adapters start at once.
    ///
    /// # Errors
    ///
    /// What PostgreSQL refused, with the right that is missing where that is the reason.
    pub async fn apply(&self, admin: &PgConnectOptions) -> anyhow::Result<()> {
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
        // Released when the connection closes, at the end of this function.
        connection
            .execute("select pg_advisory_lock(hashtext('spindle provision'))")
            .await?;
        if let Some(password) = self.password {
            self.create_role(admin, &mut connection, password).await.with_context(|| {
                let (role, variable) = (self.role, variable(self.component));
                format!("creating role `{role}`: `DATABASE_URL` needs `createrole`, or set `{variable}`")
            })?;
        }
        self.create_schema(&mut connection)
            .await
            .with_context(|| format!("schema `{}`", self.component))?;
        Ok(())
    }

    async fn create_role(
        &self,
        admin: &PgConnectOptions,
        connection: &mut PgConnection,
        password: &SecretString,
    ) -> anyhow::Result<()> {
        let role = quoted(self.role);
        let known = sqlx::query(KNOWN_ROLE).bind(self.role);
        match known.fetch_optional(&mut *connection).await? {
            None => {
                run(connection, format!("create role {role} login noinherit")).await?;
                run(connection, format!("comment on role {role} is '{MARK}'")).await?;
            }
            Some(row) => {
                let comment: Option<String> = row.try_get(0)?;
                anyhow::ensure!(
                    comment.as_deref() == Some(MARK),
                    "there is such a role already, and it is not ours"
                );
                if self.can_connect(admin, password).await {
                    return Ok(());
                }
            }
        }
        // The password is hexadecimal (`KeyRing::derive`), so it needs no quoting.
        run(
            connection,
            format!("alter role {role} password '{}'", password.expose_secret()),
        )
        .await
    }

    /// Whether the role's password is this one. Asked before it is set, because setting a password shows it
    /// to PostgreSQL's log.
    async fn can_connect(&self, admin: &PgConnectOptions, password: &SecretString) -> bool {
        let options = admin
            .clone()
            .username(self.role)
            .password(password.expose_secret());
        match options.connect().await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        }
    }

    async fn create_schema(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let (role, schema) = (quoted(self.role), quoted(self.component));
        let database: String = sqlx::query("select current_database()")
            .fetch_one(&mut *connection)
            .await?
            .try_get(0)?;
        // A temporary table would outlive the call that made it, in a session that others use.
        run(
            connection,
            format!(
                "revoke temporary on database {} from public",
                quoted(&database)
            ),
        )
        .await?;
        // Before PostgreSQL 15, every role may create tables there.
        run(
            connection,
            "do $$ begin if exists (select from pg_namespace where nspname = 'public') then \
             revoke create on schema public from public; end if; end $$"
                .into(),
        )
        .await?;
        run(
            connection,
            format!("create schema if not exists {}", quoted(SCHEMA)),
        )
        .await?;
        run(connection, format!("create schema if not exists {schema}")).await?;
        let usage = if self.owner { "usage, create" } else { "usage" };
        run(
            connection,
            format!("grant {usage} on schema {schema} to {role}"),
        )
        .await?;
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
