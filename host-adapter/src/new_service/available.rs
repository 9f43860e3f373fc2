//! What is taken already: names, routes, collections and folders.

use std::path::PathBuf;

use anyhow::{bail, ensure};

use super::names::Names;
use super::{ANALYTICS, MANIFEST, NewService, Project, Store, manifests};

/// Whether the application has no such component and no such route.
pub(super) fn check_name(name: &str, project: &Project<'_>) -> anyhow::Result<()> {
    ensure!(
        !project.settings.components.contains_key(name),
        "`{name}` is a component already: choose another name"
    );
    let route = manifests::route(name);
    let manifest = project.read(MANIFEST.as_ref())?;
    ensure!(
        !manifest.contains(&format!("\"{route}\"")),
        "the route `{route}` is another service's: choose another name"
    );
    Ok(())
}

/// Whether everything else that the service takes is free.
pub(super) fn check(
    service: &NewService<'_>,
    names: &Names,
    project: &Project<'_>,
) -> anyhow::Result<()> {
    check_events(service, project)?;
    check_collection(service, names, project)?;
    for folder in ["components", "migrations"] {
        let folder = PathBuf::from(folder).join(service.name);
        let exists = project.directory.join(&folder).exists();
        ensure!(
            !exists,
            "`{}` exists already: choose another name, or remove it",
            folder.display()
        );
    }
    check_package(names, project)
}

fn check_events(service: &NewService<'_>, project: &Project<'_>) -> anyhow::Result<()> {
    ensure!(
        service.store == Store::Postgres || !service.sends_events,
        "only a service with `--store postgres` sends events: add `--no-event`"
    );
    ensure!(
        !service.sends_events || project.settings.components.contains_key(ANALYTICS),
        "events are sent to `{ANALYTICS}`, which is not a component here: add `--no-event`"
    );
    Ok(())
}

/// Two components that are granted one collection share its documents.
fn check_collection(
    service: &NewService<'_>,
    names: &Names,
    project: &Project<'_>,
) -> anyhow::Result<()> {
    let collection = &names.plural;
    for (owner, grants) in &project.settings.components {
        if service.store == Store::Documents && grants.collections.contains(collection) {
            bail!("the collection `{collection}` is one of `{owner}`: choose another name");
        }
    }
    Ok(())
}

/// Two packages of one name cannot be told apart on Cargo's command line.
fn check_package(names: &Names, project: &Project<'_>) -> anyhow::Result<()> {
    let lock = project.read("Cargo.lock".as_ref()).unwrap_or_default();
    let mut packages = lock.lines().filter_map(|line| line.strip_prefix("name = "));
    let is_same = |package: &str| package.trim_matches('"').replace('-', "_") == names.plural;
    ensure!(
        !packages.any(is_same),
        "`{}` is the name of a package in Cargo.lock: choose another name",
        names.service
    );
    Ok(())
}
