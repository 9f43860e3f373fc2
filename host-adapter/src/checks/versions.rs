//! The version of `spindle:adapter` that each component, and what is composed into it, was built for.

use std::collections::BTreeMap;

use adapter_component_host::Imports;
use adapter_contract::VERSION;

use super::{Finding, Project};

const CHECK: &str = "versions";

const FIX: &str = "build all of them from the same sources: `./dev build`";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, imports) in project.imports() {
        for version in imports
            .versions
            .iter()
            .filter(|version| *version != VERSION)
        {
            let what = format!(
                "component `{id}` was built for spindle:adapter {version}, and this host-adapter \
                 provides {VERSION}"
            );
            findings.push(Finding::error(CHECK, what, FIX));
        }
    }
    for (file, imports) in dependencies(project) {
        for version in imports
            .provided_versions
            .iter()
            .filter(|version| *version != VERSION)
        {
            let what = format!(
                "{file} provides spindle:adapter {version} to components on Spin, and this \
                 host-adapter provides {VERSION}"
            );
            findings.push(Finding::error(CHECK, what, FIX));
        }
    }
    findings
}

/// What Spin composes into components, by its path. Only Spin needs the files, so they may be missing.
fn dependencies(project: &Project<'_>) -> BTreeMap<String, Imports> {
    let mut found = BTreeMap::new();
    for (manifest, _, component) in project.described() {
        for path in component.dependency_paths() {
            let parent = manifest.path.parent().unwrap_or(project.directory);
            let Ok(path) = parent.join(path).canonicalize() else {
                continue;
            };
            let name = project.name(&path);
            if !found.contains_key(&name)
                && let Ok(imports) = Imports::read(&path)
            {
                found.insert(name, imports);
            }
        }
    }
    found
}
