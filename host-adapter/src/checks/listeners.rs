//! Listeners of single services, which need a manifest to serve.

use adapter_component_host::service_manifest;

use super::{Finding, Project};

const CHECK: &str = "listeners";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    // Without `spin.toml` this is not the project's directory, and the next step says so.
    if project.application.is_none() {
        return Vec::new();
    }
    let services = project.settings.listen.services.iter();
    let missing = services.filter(|(name, _)| !project.services.contains_key(*name));
    let finding = |(name, address): (&String, &std::net::SocketAddr)| {
        let manifest = project.name(&service_manifest(project.directory, name));
        let file = &project.file;
        Finding::error(
            CHECK,
            format!("`listen.{name}` is {address}, but {manifest} does not exist"),
            format!("add {manifest}, or remove `{name} = …` from `[listen]` in {file}"),
        )
    };
    missing.map(finding).collect()
}
