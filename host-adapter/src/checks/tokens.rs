//! The variables with the tokens by which the adapter identifies components on Spin.
//!
//! A component that is given another's token acts with the other's grants.

use adapter_api::token_variable;
use adapter_component_host::manifest::{Component, Manifest};

use super::{Finding, Host, Level, Project};

const CHECK: &str = "tokens";

/// The variable that adapter-client reads.
const VARIABLE: &str = "adapter_token";

pub(super) fn check(project: &Project<'_>, host: Host) -> Vec<Finding> {
    let level = match host {
        Host::Embedded => Level::Warning,
        Host::Spin => Level::Error,
    };
    let certificates = project.settings.server.client_ca.is_some();
    let mut findings = Vec::new();
    for (manifest, id, component) in project.described() {
        if !component.has_native_dependency() {
            continue;
        }
        let place = project.name(&manifest.path);
        // With certificates, a component needs no token.
        if !certificates || component.variables.contains_key(VARIABLE) {
            findings.extend(check_component(manifest, id, component, &place, level));
        }
    }
    findings
}

fn check_component(
    manifest: &Manifest,
    id: &str,
    component: &Component,
    place: &str,
    level: Level,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = token_variable(id).to_ascii_lowercase();
    let given = component.variables.get(VARIABLE);
    let given = given.map(|template| template.replace(' ', ""));
    if given.as_deref() != Some(&format!("{{{{{name}}}}}")) {
        let what = match component.variables.get(VARIABLE) {
            Some(other) => format!(
                "component `{id}` of {place} takes its token from `{other}`, and \
                 `host-adapter adapter-tokens` writes it to `{name}`"
            ),
            None => format!("component `{id}` of {place} has no `{VARIABLE}`"),
        };
        let fix = format!(
            "write `{VARIABLE} = \"{{{{ {name} }}}}\"` into `[component.{id}.variables]` in {place}"
        );
        findings.push(Finding::new(CHECK, level, what, fix));
    }
    if !manifest.variables.contains_key(&name) {
        findings.push(Finding::new(
            CHECK,
            level,
            format!("{place} does not define the variable `{name}`, the token of `{id}`"),
            format!(
                "add `{name} = {{ required = true, secret = true }}` to `[variables]` in {place}"
            ),
        ));
    }
    findings
}
