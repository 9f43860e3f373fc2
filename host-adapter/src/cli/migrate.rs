//! `host-adapter migrate`.

use clap::Subcommand;
use sqlx::postgres::PgConnectOptions;

use super::{Invocation, database::Database, print};
use adapter_capabilities::documents::Store;
use adapter_management::Migration;

use crate::{
    assembly,
    config::suggestion,
    database::{
        indexes::Indexes,
        migrations::{self, Migrations, State, Status},
        unknown,
    },
};

/// Database migrations.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply the pending migrations.
    Run(Selection),
    /// Show each migration and its state.
    Status(Selection),
    /// Revert the latest migration of one service.
    Revert {
        /// The service.
        #[arg(long)]
        service: String,
    },
    /// Create a migration: two empty files, one to apply it and one to revert it.
    New {
        /// The service.
        #[arg(long)]
        service: String,
        /// What the migration does, such as `add last login`.
        description: String,
    },
}

/// The services to migrate.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Only this service. The default is all services except those in `migrations.skip`.
    #[arg(long)]
    service: Option<String>,
}

pub(super) async fn run(command: Migrate, invocation: Invocation) -> anyhow::Result<()> {
    if let Migrate::New {
        service,
        description,
    } = &command
    {
        check_service(service, &invocation)?;
        let paths = migrations::create(
            &invocation.settings.migrations.directory,
            service,
            description,
        )?;
        return paths
            .iter()
            .try_for_each(|path| print(&format!("created {}", path.display())));
    }
    if let Migrate::Status(selection) = &command {
        return status(selection, &invocation).await;
    }
    if let Migrate::Revert { service } = &command {
        check_migrated(
            service,
            &migrations::services(&invocation.settings.migrations.directory)?,
        )?;
    }
    let database = Database::open(&invocation).await?;
    let result = with_database(command, &invocation, &database.admin).await;
    database.close().await;
    result
}

/// Prints every migration with its state. It changes nothing, so it also works with a role that may only
/// read.
async fn status(selection: &Selection, invocation: &Invocation) -> anyhow::Result<()> {
    let database = Database::existing(invocation).await?;
    let admin = &database.admin;
    let documents = assembly::existing_documents(&invocation.settings, admin).await?;
    for service in select_services(selection, invocation)? {
        let migrations = Service::new(&service, invocation, admin, documents.as_ref());
        for status in migrations.status().await? {
            print(&format_line(&service, &status, state_name(status.state)))?;
        }
    }
    if let Some(documents) = documents {
        documents.close().await;
    }
    Ok(())
}

async fn with_database(
    command: Migrate,
    invocation: &Invocation,
    admin: &PgConnectOptions,
) -> anyhow::Result<()> {
    // Migrations create tables in schemas and grant them to roles, so both must exist first.
    let assembled = assembly::assemble(
        &invocation.settings,
        admin,
        &assembly::keys(&invocation.settings)?,
    )
    .await?;
    let result = with_documents(command, invocation, admin, assembled.documents.as_ref()).await;
    assembled.close().await;
    result
}

async fn with_documents(
    command: Migrate,
    invocation: &Invocation,
    admin: &PgConnectOptions,
    documents: Option<&Store>,
) -> anyhow::Result<()> {
    match command {
        Migrate::Run(selection) => {
            for service in select_services(&selection, invocation)? {
                let migrations = Service::new(&service, invocation, admin, documents);
                report(&service, &migrations.run().await?, "applied")?;
            }
        }
        Migrate::Revert { service } => {
            let migrations = Service::new(&service, invocation, admin, documents);
            let reverted = migrations.revert().await?;
            report(&service, reverted.as_slice(), "reverted")?;
        }
        Migrate::Status(_) | Migrate::New { .. } => {}
    }
    Ok(())
}

/// Applies the pending migrations of every service that is not skipped, and names them.
pub(super) async fn all(
    invocation: &Invocation,
    admin: &PgConnectOptions,
    documents: Option<&Store>,
) -> anyhow::Result<Vec<String>> {
    let mut applied = Vec::new();
    for service in select_services(&Selection { service: None }, invocation)? {
        let migrations = Service::new(&service, invocation, admin, documents);
        for status in migrations.run().await? {
            tracing::info!(
                "applied migration `{}` of `{service}`: {}",
                status.version,
                status.description
            );
            let Status {
                version,
                description,
                ..
            } = status;
            applied.push(format!("{service}: {version} {description}"));
        }
    }
    Ok(applied)
}

/// Migrations of an unknown service would create a schema that no component uses.
fn check_service(service: &str, invocation: &Invocation) -> anyhow::Result<()> {
    let known = &invocation.settings.components;
    anyhow::ensure!(
        known.contains_key(service),
        "no component is called `{service}`{}",
        suggestion(service, known.keys().map(String::as_str))
    );
    Ok(())
}

/// A service that is not a component any more may still have migrations.
fn check_migrated(service: &str, known: &[String]) -> anyhow::Result<()> {
    let list = known.join("`, `");
    anyhow::ensure!(
        known.iter().any(|one| one == service),
        "service `{service}` has no migrations; the services with migrations are `{list}`"
    );
    Ok(())
}

/// The state of every migration of the services that are not skipped.
pub(super) async fn list(
    invocation: &Invocation,
    admin: &PgConnectOptions,
    documents: Option<&Store>,
) -> anyhow::Result<Vec<Migration>> {
    let mut list = Vec::new();
    for service in select_services(&Selection { service: None }, invocation)? {
        let migrations = Service::new(&service, invocation, admin, documents);
        let all = migrations.status().await?.into_iter();
        list.extend(all.map(|status| Migration {
            service: service.clone(),
            version: status.version,
            state: state_name(status.state).to_owned(),
            description: status.description,
        }));
    }
    Ok(list)
}

/// A service's migrations of tables and of document indexes, which share one numbering.
struct Service<'a> {
    tables: Migrations<'a>,
    indexes: Indexes<'a>,
}

impl<'a> Service<'a> {
    fn new(
        service: &'a str,
        invocation: &'a Invocation,
        admin: &'a PgConnectOptions,
        documents: Option<&Store>,
    ) -> Self {
        let settings = &invocation.settings;
        let directory = settings.migrations.directory.as_path();
        let grants = settings.components.get(service);
        Self {
            tables: Migrations {
                service,
                directory,
                admin,
            },
            indexes: Indexes {
                service,
                directory,
                store: documents.cloned(),
                collections: grants.map_or(&[], |grants| &grants.collections),
            },
        }
    }

    /// Applies what is pending. Warns of what a newer release has applied, and fails if this release does
    /// not work with it.
    async fn run(&self) -> anyhow::Result<Vec<Status>> {
        self.indexes.check()?;
        let service = self.tables.service;
        unknown::warn(service, &unknown::check(service, &self.status().await?)?);
        let mut done = self.tables.run().await?;
        done.extend(self.indexes.run().await?);
        Ok(done)
    }

    async fn status(&self) -> anyhow::Result<Vec<Status>> {
        let mut all = self.tables.status().await?;
        all.extend(self.indexes.status().await?);
        all.sort_by_key(|status| status.version);
        Ok(all)
    }

    async fn revert(&self) -> anyhow::Result<Option<Status>> {
        let latest = |all: Vec<Status>| {
            let applied = all.into_iter().filter(|one| one.state != State::Pending);
            applied.map(|one| one.version).max()
        };
        let tables = latest(self.tables.status().await?);
        if latest(self.indexes.status().await?) > tables {
            self.indexes.revert().await
        } else {
            self.tables.revert().await
        }
    }
}

fn select_services(selection: &Selection, invocation: &Invocation) -> anyhow::Result<Vec<String>> {
    let settings = &invocation.settings.migrations;
    let known = migrations::services(&settings.directory)?;
    match &selection.service {
        Some(service) => {
            check_migrated(service, &known)?;
            Ok(vec![service.clone()])
        }
        None => Ok(known
            .into_iter()
            .filter(|service| !settings.skip.contains(service))
            .collect()),
    }
}

fn report(service: &str, done: &[Status], what: &str) -> anyhow::Result<()> {
    if done.is_empty() {
        return print(&format!("{service}: nothing to do"));
    }
    done.iter()
        .try_for_each(|status| print(&format_line(service, status, what)))
}

fn format_line(service: &str, status: &Status, state: &str) -> String {
    format!(
        "{service:<12} {:<16} {state:<10} {}",
        status.version, status.description
    )
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Applied => "applied",
        State::Changed => "changed",
        State::Missing => "missing",
    }
}
