//! Whether the live schemas and the indexes on documents are what the migrations make.
//!
//! The applied migrations are run again in a schema of their own, in a transaction that is rolled back,
//! and the catalogues of both schemas are compared. Nothing stays in the database, even if this process
//! is killed.

mod compare;
mod documents;
mod replay;
mod snapshot;

use super::database::{Database, limited};
use crate::{
    checks::Finding,
    config::Settings,
    database::migrations::{self, Migrations},
};

const CHECK: &str = "drift";

pub(super) async fn check(database: &Database, settings: &Settings) -> Vec<Finding> {
    let directory = &settings.migrations.directory;
    let mut findings = Vec::new();
    // A directory that cannot be read is reported by the check of migrations.
    for service in migrations::services(directory).unwrap_or_default() {
        let grants = settings.components.get(&service);
        let migrations = Migrations {
            service: &service,
            directory,
            admin: &database.admin,
        };
        if grants.is_none_or(|grants| !grants.postgres) {
            continue;
        }
        let messages = grants.is_some_and(|grants| !grants.peers.is_empty());
        findings.extend(check_service(&migrations, messages).await);
    }
    findings.extend(documents::check(database, settings).await);
    findings
}

async fn check_service(migrations: &Migrations<'_>, messages: bool) -> Vec<Finding> {
    let service = migrations.service;
    match limited(replay::schemas(migrations, messages)).await {
        Ok(Some((live, made))) => {
            let findings = compare::compare(service, &live, &made);
            if findings.is_empty() {
                let what = format!("the schema of `{service}` is what its migrations make");
                return vec![Finding::fine(CHECK, what)];
            }
            findings
        }
        Ok(None) => vec![Finding::fine(
            CHECK,
            format!("no migration of `{service}` is applied, so there is nothing to compare"),
        )],
        Err(error) => vec![Finding::warning(
            CHECK,
            format!("the schema of `{service}` cannot be compared with its migrations: {error:#}"),
            "`DATABASE_URL` needs the right to create schemas, and each migration must run again on an \
             empty schema",
        )],
    }
}
