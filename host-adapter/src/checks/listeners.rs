//! Listeners of single services, which need a manifest to serve.

use adapter_component_host::service_manifest;

use super::{Finding, Project};

const CHECK: &str = "listeners";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let Some(application) = &project.application else {
        // Without `spin.toml` this is not the project's directory, and the next step says so.
        return Vec::new();
    };
    let is_described = |name: &String| match application {
        Ok(manifest) => manifest.component.contains_key(name),
        // What is wrong with the manifest is another finding.
        Err(_) => true,
    };
    let mut findings = Vec::new();
    for (name, address) in &project.settings.listen.services {
        if project.services.contains_key(name) || is_described(name) {
            continue;
        }
        let manifest = project.name(&service_manifest(project.directory, name));
        let file = &project.file;
        findings.push(Finding::error(
            CHECK,
            format!(
                "`listen.{name}` is {address}, but neither spin.toml nor {manifest} describes \
                 component `{name}`"
            ),
            format!(
                "add `[component.{name}]` to spin.toml, or remove `{name} = …` from `[listen]` in {file}"
            ),
        ));
    }
    findings
}
