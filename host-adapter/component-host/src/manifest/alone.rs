//! The manifest of one service alone.
//!
//! It is `components/<service>/spin.toml`, or else follows from the application's manifest: the same
//! component with all paths. A service therefore needs a manifest of its own only to run alone on Spin.

use std::path::{Path, PathBuf};

use toml::Value;

use super::{HttpTrigger, Manifest, ManifestError};

/// The application's manifest and the service, for the path of a service's own manifest.
pub(super) fn application_of(path: &Path) -> Option<(PathBuf, &str)> {
    let folder = path.parent()?;
    let components = folder.parent()?;
    let is_service = components.file_name()? == "components" && path.file_name()? == "spin.toml";
    let application = components.parent()?.join("spin.toml");
    let service = folder.file_name()?.to_str()?;
    (is_service && application.exists()).then_some((application, service))
}

impl Manifest {
    /// Serves only `service`, and gives it all paths.
    pub(super) fn alone(mut self, service: &str) -> Result<Self, ManifestError> {
        let Some(component) = self.component.remove(service) else {
            return Err(self.invalid(format!(
                "component `{service}` is not defined, but `listen.{service}` serves it: add \
                 `[component.{service}]` or remove the listener"
            )));
        };
        self.component = std::iter::once((service.to_owned(), component)).collect();
        self.trigger.http = vec![HttpTrigger::of_all_paths(service)];
        Ok(self)
    }
}

impl HttpTrigger {
    /// All paths, so that the service itself answers unknown ones.
    fn of_all_paths(service: &str) -> Self {
        Self {
            route: Value::String("/...".to_owned()),
            component: Value::String(service.to_owned()),
            _id: None,
            executor: None,
            dependencies: None,
        }
    }
}
