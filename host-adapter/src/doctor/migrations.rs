//! Migrations of tables and of document indexes: pending ones, and applied ones whose file was changed or
//! does not exist.

use adapter_capabilities::documents::Store;

use super::database::{Database, limited};
use crate::{
    assembly,
    checks::Finding,
    config::Settings,
    database::{
        indexes::Indexes,
        migrations::{self, Migrations, State, Status},
        unknown,
    },
};

const CHECK: &str = "migrations";

pub(super) async fn check(database: &Database, settings: &Settings) -> Vec<Finding> {
    let services = match migrations::services(&settings.migrations.directory) {
        Ok(services) => services,
        Err(error) => return vec![unreadable(&error)],
    };
    let mut findings = Vec::new();
    let store = limited(assembly::existing_documents(settings, &database.admin))
        .await
        .unwrap_or_else(|error| {
            findings.push(unreadable(&error));
            None
        });
    for service in &services {
        match limited(status(service, database, settings, store.as_ref())).await {
            Ok(all) => findings.extend(check_service(service, &all, settings)),
            Err(error) => findings.push(unreadable(&error)),
        }
    }
    if let Some(store) = store {
        store.close().await;
    }
    findings
}

/// All migrations of a service, by number.
async fn status(
    service: &str,
    database: &Database,
    settings: &Settings,
    store: Option<&Store>,
) -> anyhow::Result<Vec<Status>> {
    let directory = &settings.migrations.directory;
    let tables = Migrations {
        service,
        directory,
        admin: &database.admin,
    };
    let grants = settings.components.get(service);
    let indexes = Indexes {
        service,
        directory,
        store: store.cloned(),
        collections: grants.map_or(&[], |grants| &grants.collections),
    };
    let mut all = tables.status().await?;
    all.extend(indexes.status().await?);
    all.sort_by_key(|status| status.version);
    Ok(all)
}

fn check_service(service: &str, all: &[Status], settings: &Settings) -> Vec<Finding> {
    let found = all.iter().filter_map(|one| check_one(service, one));
    let mut findings: Vec<Finding> = found.collect();
    if let Err(error) = unknown::check(service, all) {
        let fix = "start a release that has these migrations";
        findings.push(Finding::error(CHECK, format!("{error:#}"), fix));
    }
    let pending = all.iter().filter(|one| one.state == State::Pending).count();
    if pending > 0 {
        let skipped = settings.migrations.skip.iter().any(|name| name == service);
        findings.push(pending_ones(service, pending, skipped));
    }
    if findings.is_empty() && !all.is_empty() {
        let count = all.len();
        let what = format!("all {count} migrations of `{service}` are applied");
        findings.push(Finding::fine(CHECK, what));
    }
    findings
}

fn pending_ones(service: &str, count: usize, skipped: bool) -> Finding {
    let what = format!("{count} migrations of `{service}` are pending");
    if skipped {
        let fix = format!(
            "run `host-adapter migrate run --service {service}`: `migrations.skip` names it"
        );
        return Finding::warning(CHECK, what, fix);
    }
    Finding::fine(CHECK, format!("{what}; the next start applies them"))
}

fn check_one(service: &str, status: &Status) -> Option<Finding> {
    let Status {
        version,
        description,
        ..
    } = status;
    match status.state {
        State::Pending | State::Applied => None,
        State::Changed => Some(Finding::error(
            CHECK,
            format!(
                "migration {version:04} of `{service}` ({description}) was applied, and its file was \
                 changed afterwards: the database is not what the file says"
            ),
            "restore the file from version control, and put the change into a new migration: \
             `host-adapter migrate new`",
        )),
        State::Missing => Some(Finding::warning(
            CHECK,
            format!(
                "migration {version:04} of `{service}` ({description}) was applied, and there is no such file: \
                 the database is newer than this release"
            ),
            "start the release that has it, or restore the file from version control",
        )),
    }
}

fn unreadable(error: &anyhow::Error) -> Finding {
    Finding::error(
        CHECK,
        format!("the migrations cannot be compared: {error:#}"),
        "correct the files in the directory of `migrations.directory`, or the rights of the role in \
         `DATABASE_URL`",
    )
}
