//! The application's manifest against the manifests of single services, which describe the same
//! components.

use std::collections::{BTreeMap, BTreeSet};

use adapter_component_host::manifest::{Component, Manifest, Variable};

use super::{Finding, Project};

const CHECK: &str = "manifests";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let Some(Ok(application)) = &project.application else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for manifest in project.services.values().flatten() {
        let pair = Pair {
            application,
            service: manifest,
            name: project.name(&manifest.path),
        };
        for (id, component) in &manifest.component {
            if let Some(other) = application.component.get(id) {
                findings.extend(pair.compare(id, other, component));
            }
        }
        findings.extend(pair.compare_variables());
    }
    findings
}

/// Two manifests with components in common.
struct Pair<'a> {
    application: &'a Manifest,
    service: &'a Manifest,
    /// The service's manifest in messages.
    name: String,
}

impl Pair<'_> {
    fn compare(&self, id: &str, one: &Component, other: &Component) -> Vec<Finding> {
        let mut findings = Vec::new();
        let sources = (
            self.application.source(id, one),
            self.service.source(id, other),
        );
        if let (Ok(one), Ok(other)) = sources
            && one.canonicalize().ok() != other.canonicalize().ok()
        {
            let (one, other) = (one.display(), other.display());
            findings.push(self.differ(&format!("component.{id}.source"), &one, &other));
        }
        let tables = [
            ("variables", &one.variables, &other.variables),
            ("environment", &one.environment, &other.environment),
        ];
        for (table, one, other) in tables {
            let path = format!("component.{id}.{table}");
            findings.extend(self.compare_tables(&path, &quoted(one), &quoted(other)));
        }
        let hosts = |component: &Component| format!("{:?}", component.allowed_outbound_hosts);
        if hosts(one) != hosts(other) {
            let path = format!("component.{id}.allowed_outbound_hosts");
            findings.push(self.differ(&path, &hosts(one), &hosts(other)));
        }
        let path = format!("component.{id}.dependencies");
        findings.extend(self.compare_tables(&path, &dependencies(one), &dependencies(other)));
        findings
    }

    /// The application's variables that both define.
    fn compare_variables(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, one) in &self.application.variables {
            let Some(other) = self.service.variables.get(name) else {
                continue;
            };
            if one != other {
                let path = format!("variables.{name}");
                findings.push(self.differ(&path, &described(one), &described(other)));
            }
        }
        findings
    }

    fn compare_tables(
        &self,
        path: &str,
        one: &BTreeMap<String, String>,
        other: &BTreeMap<String, String>,
    ) -> Vec<Finding> {
        let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let mut findings = Vec::new();
        for key in keys {
            match (one.get(key), other.get(key)) {
                (Some(value), None) => {
                    findings.push(missing(path, key, value, &self.name, "spin.toml"))
                }
                (None, Some(value)) => {
                    findings.push(missing(path, key, value, "spin.toml", &self.name))
                }
                (Some(one), Some(other)) if one != other => {
                    findings.push(self.differ(&format!("{path}.{key}"), one, other));
                }
                _ => {}
            }
        }
        findings
    }

    fn differ(
        &self,
        path: &str,
        one: &impl std::fmt::Display,
        other: &impl std::fmt::Display,
    ) -> Finding {
        let name = &self.name;
        Finding::warning(
            CHECK,
            format!("`{path}` is `{one}` in spin.toml, but `{other}` in {name}"),
            format!("make both the same, such as `{one}` in {name}"),
        )
    }
}

/// A key that is only in one of two manifests.
fn missing(path: &str, key: &str, value: &str, lacks: &str, has: &str) -> Finding {
    Finding::warning(
        CHECK,
        format!("`{path}` has `{key}` in {has}, but not in {lacks}"),
        format!("add `{key} = {value}` to `[{path}]` in {lacks}"),
    )
}

fn described(variable: &Variable) -> String {
    match &variable.default {
        Some(default) => format!("{{ default = {default:?} }}"),
        None => format!("{{ required = {} }}", variable.required),
    }
}

fn quoted(table: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let entries = table.iter();
    entries
        .map(|(key, value)| (key.clone(), format!("{value:?}")))
        .collect()
}

/// Dependencies by name, without their paths, which are relative to the manifest.
fn dependencies(component: &Component) -> BTreeMap<String, String> {
    let grants = component.dependency_grants();
    let entries = grants.map(|(name, inherits)| {
        let inherits = inherits.map_or_else(String::new, |value| {
            format!(", inherit_configuration = {value}")
        });
        (format!("{name:?}"), format!("{{ path = \"…\"{inherits} }}"))
    });
    entries.collect()
}
