//! The SQL migrations of each service: `migrations/<service>/`. They are applied in the schema of the
//! service and recorded per service, so each service can be migrated alone.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use sqlx::{
    AssertSqlSafe,
    migrate::{Migrate as _, Migrator},
    postgres::PgConnectOptions,
};

use super::{
    SCHEMA, connect,
    lock::{Lock, Work},
};

/// A migration and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The number before the first `_` of the file's name.
    pub version: i64,
    /// The rest of the file's name.
    pub description: String,
    /// Whether it is applied.
    pub state: State,
}

/// The state of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not applied yet.
    Pending,
    /// Applied, and the file is unchanged.
    Applied,
    /// Applied, but the file was changed afterwards. The database does not match the file.
    Changed,
    /// Applied, but there is no such file. A newer release has applied it, or the file was removed.
    Missing,
}

/// A migration that the database has recorded.
struct Applied {
    version: i64,
    description: String,
    checksum: Vec<u8>,
}

/// The migrations of one service in one database.
#[derive(Debug)]
pub struct Migrations<'a> {
    /// The name of the service, which is also the name of its schema.
    pub service: &'a str,
    /// The folder that contains a folder per service.
    pub directory: &'a Path,
    /// The connection options of the administrator.
    pub admin: &'a PgConnectOptions,
}

impl Migrations<'_> {
    /// Applies the pending migrations and returns them. Applied migrations that have no file here are
    /// left alone.
    ///
    /// # Errors
    ///
    /// A migration failed. It changed nothing, and the migrations before it stay applied.
    pub async fn run(&self) -> anyhow::Result<Vec<Status>> {
        let lock = Lock::take(self.admin, Work::Migrate).await?;
        let pending = self
            .status()
            .await?
            .into_iter()
            .filter(|status| status.state == State::Pending)
            .collect();
        let mut connection = connect(self.admin, self.service).await?;
        connection.create_schema_if_not_exists(SCHEMA).await?;
        self.migrator()
            .await?
            .run(&mut connection)
            .await
            .with_context(|| self.label("applying"))?;
        lock.release().await;
        Ok(pending)
    }

    /// Reverts the latest applied migration and returns it.
    ///
    /// # Errors
    ///
    /// The migration has no `.down.sql`, or reverting failed and changed nothing.
    pub async fn revert(&self) -> anyhow::Result<Option<Status>> {
        let lock = Lock::take(self.admin, Work::Migrate).await?;
        let applied: Vec<Status> = self
            .status()
            .await?
            .into_iter()
            .filter(|status| status.state != State::Pending)
            .collect();
        let Some(latest) = applied.last() else {
            return Ok(None);
        };
        anyhow::ensure!(
            latest.state != State::Missing,
            "there is no file of migration `{}` of `{}` in `{}`: revert it with the release that has it",
            latest.version,
            self.service,
            self.directory.display()
        );
        let migrator = self.migrator().await?;
        let reversible = migrator.iter().any(|migration| {
            migration.version == latest.version && migration.migration_type.is_down_migration()
        });
        anyhow::ensure!(
            reversible,
            "migration `{}` of `{}` has no `.down.sql`",
            latest.version,
            self.service
        );
        let target = applied
            .iter()
            .rev()
            .nth(1)
            .map_or(0, |before| before.version);
        let mut connection = connect(self.admin, self.service).await?;
        migrator
            .undo(&mut connection, target)
            .await
            .with_context(|| self.label("reverting"))?;
        lock.release().await;
        Ok(Some(latest.clone()))
    }

    /// Every migration that is in the folder or in the database, in order. It changes nothing.
    ///
    /// # Errors
    ///
    /// The folder or the database cannot be read.
    pub async fn status(&self) -> anyhow::Result<Vec<Status>> {
        let migrator = self.migrator().await?;
        let applied = self.applied(&migrator.table_name).await?;
        let files = migrator
            .iter()
            .filter(|migration| !migration.migration_type.is_down_migration());
        let mut all: Vec<Status> = files
            .map(|file| {
                let state = match applied
                    .iter()
                    .find(|applied| applied.version == file.version)
                {
                    None => State::Pending,
                    Some(applied) if *applied.checksum == *file.checksum => State::Applied,
                    Some(_) => State::Changed,
                };
                Status {
                    version: file.version,
                    description: file.description.to_string(),
                    state,
                }
            })
            .collect();
        let known: BTreeSet<i64> = all.iter().map(|status| status.version).collect();
        let gone = applied
            .iter()
            .filter(|applied| !known.contains(&applied.version));
        all.extend(gone.map(|applied| Status {
            version: applied.version,
            description: applied.description.clone(),
            state: State::Missing,
        }));
        all.sort_by_key(|status| status.version);
        Ok(all)
    }

    /// The SQL that applies each migration in the folder, by its number, in order.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub async fn up_statements(&self) -> anyhow::Result<Vec<(i64, String)>> {
        let migrator = self.migrator().await?;
        let files = migrator
            .iter()
            .filter(|migration| !migration.migration_type.is_down_migration());
        let statements = files.map(|file| (file.version, file.sql.as_str().to_owned()));
        Ok(statements.collect())
    }

    /// What the database has recorded in `table`. Empty if the table does not exist.
    async fn applied(&self, table: &str) -> anyhow::Result<Vec<Applied>> {
        let mut connection = connect(self.admin, self.service).await?;
        let exists = sqlx::query_scalar("select to_regclass($1) is not null").bind(table);
        if exists.fetch_one(&mut connection).await? {
            let all =
                format!("select version, description, checksum from {table} order by version");
            let rows: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(all))
                .fetch_all(&mut connection)
                .await?;
            let applied = rows.into_iter();
            let applied = applied.map(|(version, description, checksum)| Applied {
                version,
                description,
                checksum,
            });
            return Ok(applied.collect());
        }
        Ok(Vec::new())
    }

    /// The applied migrations are recorded in the adapter's schema, which components cannot access.
    async fn migrator(&self) -> anyhow::Result<Migrator> {
        let folder = self.directory.join(self.service);
        let mut migrator = Migrator::new(folder.as_path())
            .await
            .with_context(|| format!("reading {}", folder.display()))?;
        // A newer release may have applied further ones. `unknown` decides whether this one works with them.
        migrator.set_ignore_missing(true);
        // sqlx would take an advisory lock, which a component could hold.
        migrator.set_locking(false);
        migrator.dangerous_set_table_name(format!("{SCHEMA}.\"migrations_{}\"", self.service));
        Ok(migrator)
    }

    fn label(&self, doing: &str) -> String {
        format!("{doing} migrations of `{}`", self.service)
    }
}

/// Creates the two empty files of the next migration and returns their paths.
///
/// # Errors
///
/// The description is not valid, or the files cannot be written.
pub fn create(directory: &Path, service: &str, description: &str) -> anyhow::Result<[PathBuf; 2]> {
    let name = description.trim().to_lowercase().replace([' ', '-'], "_");
    let sensible = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    anyhow::ensure!(
        sensible,
        "describe the migration with letters, digits and spaces, got `{description}`"
    );
    let folder = directory.join(service);
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let version = 1 + latest_version(&folder)?;
    let paths = ["up", "down"].map(|way| folder.join(format!("{version:04}_{name}.{way}.sql")));
    for path in &paths {
        std::fs::write(path, "").with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(paths)
}

/// Returns the highest number at the beginning of a file's name, or 0 for an empty folder.
fn latest_version(folder: &Path) -> anyhow::Result<u64> {
    let mut latest = 0;
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let version = name
            .split('_')
            .next()
            .and_then(|digits| digits.parse().ok());
        latest = latest.max(version.unwrap_or(0));
    }
    Ok(latest)
}

/// Returns the services that have a folder of migrations, in alphabetical order. The list is empty if
/// `directory` does not exist.
///
/// # Errors
///
/// The directory cannot be read.
pub fn services(directory: &Path) -> anyhow::Result<Vec<String>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut services = Vec::new();
    for entry in
        std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?
    {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            services.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    services.sort();
    Ok(services)
}
