//! Manifests that cannot be used, and components that one of manifest and settings does not know.

use super::{Finding, Project};
use crate::config::suggestion;

const CHECK: &str = "manifests";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = unusable(project);
    findings.extend(without_grants(project));
    if project.application.is_some() {
        findings.extend(without_manifest(project));
    }
    findings.extend(without_own_component(project));
    findings
}

fn unusable(project: &Project<'_>) -> Vec<Finding> {
    let all = project.application.iter().chain(project.services.values());
    let error = |error: String| Finding::error(CHECK, error.trim_end(), "correct that file");
    let errors = all.filter_map(|manifest| match manifest {
        Ok(manifest) => manifest.routes().err().map(|cause| cause.to_string()),
        Err(cause) => Some(cause.to_string()),
    });
    errors.map(error).collect()
}

/// Components of a manifest that the settings do not name.
fn without_grants(project: &Project<'_>) -> Vec<Finding> {
    let known = &project.settings.components;
    let mut reported: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for (manifest, id, _) in project.described() {
        if known.contains_key(id) || reported.contains(&id) {
            continue;
        }
        reported.push(id);
        let (place, file) = (project.name(&manifest.path), &project.file);
        let hint = suggestion(id, known.keys().map(String::as_str));
        findings.push(Finding::error(
            CHECK,
            format!("component `{id}` of {place} has no grants{hint}"),
            format!("add `[components.{id}]` to {file}"),
        ));
    }
    findings
}

/// Components of the settings that no manifest describes.
fn without_manifest(project: &Project<'_>) -> Vec<Finding> {
    let names = project.settings.components.keys();
    let unknown = names.filter(|name| project.described().all(|(_, id, _)| id != *name));
    let finding = |name: &String| {
        let file = &project.file;
        Finding::warning(
            CHECK,
            format!(
                "`[components.{name}]` in {file} is for a component that no manifest describes"
            ),
            format!(
                "add `[component.{name}]` and a route to spin.toml, or remove `[components.{name}]`"
            ),
        )
    };
    unknown.map(finding).collect()
}

/// Manifests of a service that is not in them.
fn without_own_component(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, manifest) in &project.services {
        let Ok(manifest) = manifest else { continue };
        if manifest.component.contains_key(name) {
            continue;
        }
        let place = project.name(&manifest.path);
        findings.push(Finding::warning(
            CHECK,
            format!("{place} does not describe component `{name}`"),
            format!("name the component as its folder: `[component.{name}]`"),
        ));
    }
    findings
}
