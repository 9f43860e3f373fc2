//! Whether the indexes on documents are those that the applied migrations declare.

use adapter_capabilities::documents::{Direction, Index, Store};

use super::{
    super::database::{Database, limited},
    CHECK,
};
use crate::{
    assembly,
    checks::Finding,
    config::Settings,
    database::{
        indexes::{Difference, Indexes},
        migrations,
    },
};

pub(super) async fn check(database: &Database, settings: &Settings) -> Vec<Finding> {
    // A store that cannot be opened is reported by the check of migrations.
    let Ok(Some(store)) = limited(assembly::existing_documents(settings, &database.admin)).await
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for service in migrations::services(&settings.migrations.directory).unwrap_or_default() {
        findings.extend(check_service(&service, settings, &store).await);
    }
    store.close().await;
    findings
}

async fn check_service(service: &str, settings: &Settings, store: &Store) -> Vec<Finding> {
    let collections = settings.components.get(service);
    let indexes = Indexes {
        service,
        directory: &settings.migrations.directory,
        store: Some(store.clone()),
        collections: collections.map_or(&[], |grants| &grants.collections),
    };
    if indexes.collections.is_empty() {
        return Vec::new();
    }
    match limited(indexes.differences()).await {
        Ok(all) if all.is_empty() => {
            let what = format!("the document indexes of `{service}` are what its migrations make");
            vec![Finding::fine(CHECK, what)]
        }
        Ok(all) => all.iter().map(|one| difference(service, one)).collect(),
        Err(error) => vec![Finding::warning(
            CHECK,
            format!("the document indexes of `{service}` cannot be compared: {error:#}"),
            "correct the `.indexes.toml` files of its migrations, or the rights of the role",
        )],
    }
}

fn difference(service: &str, difference: &Difference) -> Finding {
    let remove = "remove it by hand";
    match difference {
        Difference::Other { live, declared } => Finding::error(
            CHECK,
            format!(
                "{} is on {} in the store, and on {} after the migrations",
                name(declared, service),
                fields(live),
                fields(declared)
            ),
            format!("{remove}, then revert and run the migration that declares it"),
        ),
        Difference::Missing(declared) => Finding::error(
            CHECK,
            format!(
                "{} on {} is missing or incomplete, and a migration declares it",
                name(declared, service),
                fields(declared)
            ),
            "revert the migration that declares it and run it again; until then its queries read whole \
             collections",
        ),
        Difference::Extra(live) => Finding::warning(
            CHECK,
            format!(
                "{} on {} is in the store, but no migration declares it",
                name(live, service),
                fields(live)
            ),
            format!("declare it in a new migration, or {remove}"),
        ),
    }
}

fn name(index: &Index, service: &str) -> String {
    let (collection, name) = (index.collection().as_str(), index.name());
    format!("index `{name}` of collection `{collection}` of `{service}`")
}

/// Describes an index as its declaration does.
fn fields(index: &Index) -> String {
    let fields = index.fields().iter();
    let fields = fields.map(|(path, direction)| match direction {
        Direction::Ascending => path.to_string(),
        Direction::Descending => format!("-{path}"),
    });
    let fields = fields.collect::<Vec<_>>().join(", ");
    let unique = if index.is_unique() { ", unique" } else { "" };
    format!("`{fields}`{unique}")
}
