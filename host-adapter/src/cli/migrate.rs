//! `host-adapter migrate`.

use clap::Subcommand;
use sqlx::postgres::PgConnectOptions;

use super::{Invocation, database::Database, print};
use adapter_capabilities::documents::Store;

use crate::{
    assembly,
    database::{
        indexes::Indexes,
        migrations::{self, Migrations, State, Status},
    },
};

/// Database migrations.
#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply what is pending.
    Run(Selection),
    /// Show what is applied and what is not.
    Status(Selection),
    /// Take back the latest migration of one service.
    Revert {
        /// The service.
        #[arg(long)]
        service: String,
    },
    /// Begin a migration: two empty files, forward and back.
    New {
        /// The service.
        #[arg(long)]
        service: String,
        /// What it does, such as `add last login`.
        description: String,
    },
}

/// Which services.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Only this service; else all but those in `migrations.skip`.
    #[arg(long)]
    service: Option<String>,
}

pub(super) async fn run(command: Migrate, invocation: Invocation) -> anyhow::Result<()> {
    if let Migrate::New {
        service,
        description,
    } = &command
    {
        let paths = migrations::create(
            &invocation.settings.migrations.directory,
            service,
            description,
        )?;
        return paths
            .iter()
            .try_for_each(|path| print(&format!("made {}", path.display())));
    }
    let database = Database::open(&invocation).await?;
    let result = with_database(command, &invocation, &database.admin).await;
    database.close().await;
    result
}

async fn with_database(
    command: Migrate,
    invocation: &Invocation,
    admin: &PgConnectOptions,
) -> anyhow::Result<()> {
    // Tables are created in schemas and granted to roles, so those must be there first.
    let assembled = assembly::assemble(
        &invocation.settings,
        admin,
        &assembly::keys(&invocation.settings)?,
    )
    .await?;
    let result = with_stores(command, invocation, admin, assembled.documents.as_ref()).await;
    assembled.close().await;
    result
}

async fn with_stores(
    command: Migrate,
    invocation: &Invocation,
    admin: &PgConnectOptions,
    documents: Option<&Store>,
) -> anyhow::Result<()> {
    match command {
        Migrate::Run(selection) => {
            for service in selected(&selection, invocation)? {
                let migrations = Service::new(&service, invocation, admin, documents);
                report(&service, &migrations.run().await?, "applied")?;
            }
        }
        Migrate::Status(selection) => {
            for service in selected(&selection, invocation)? {
                let migrations = Service::new(&service, invocation, admin, documents);
                for status in migrations.status().await? {
                    print(&line(&service, &status, state(status.state)))?;
                }
            }
        }
        Migrate::Revert { service } => {
            let migrations = Service::new(&service, invocation, admin, documents);
            let reverted = migrations.revert().await?;
            report(&service, reverted.as_slice(), "reverted")?;
        }
        Migrate::New { .. } => {}
    }
    Ok(())
}

/// Applies what is pending, of every service that is not skipped.
pub(super) async fn all(
    invocation: &Invocation,
    admin: &PgConnectOptions,
    documents: Option<&Store>,
) -> anyhow::Result<()> {
    for service in selected(&Selection { service: None }, invocation)? {
        let pending = Service::new(&service, invocation, admin, documents);
        for status in pending.run().await? {
            tracing::info!(
                "applied migration `{}` of `{service}`: {}",
                status.version,
                status.description
            );
        }
    }
    Ok(())
}

/// A service's tables and its indexes on documents, which are numbered together.
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

    async fn run(&self) -> anyhow::Result<Vec<Status>> {
        self.indexes.check()?;
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

fn selected(selection: &Selection, invocation: &Invocation) -> anyhow::Result<Vec<String>> {
    let settings = &invocation.settings.migrations;
    let known = migrations::services(&settings.directory)?;
    match &selection.service {
        Some(service) => {
            let list = known.join("`, `");
            anyhow::ensure!(
                known.contains(service),
                "there are no migrations of `{service}`, only of `{list}`"
            );
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
        .try_for_each(|status| print(&line(service, status, what)))
}

fn line(service: &str, status: &Status, state: &str) -> String {
    format!(
        "{service:<12} {:<16} {state:<10} {}",
        status.version, status.description
    )
}

fn state(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Applied => "applied",
        State::Changed => "changed",
        State::Missing => "missing",
    }
}
