//! Spin's application manifest, version 2: the part that the embedded host can honour.
//!
//! What Spin would do and this host does not is refused with the key's name. An application that
//! starts here therefore behaves as it does on Spin; nothing is silently left out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The package that the embedded host satisfies natively: a dependency that is named so is replaced.
const NATIVE_DEPENDENCY: &str = "spindle:adapter";

/// Why an application cannot be loaded. The text is for the person who wrote the manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or not a manifest.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, key and what was expected.
        message: String,
    },
    /// A key that means something to Spin and nothing here.
    #[error("{}: `{key}` is not supported by the embedded host{hint}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The key with its tables.
        key: String,
        /// What to do instead, if anything.
        hint: &'static str,
    },
    /// Something it says cannot be.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What, and why.
        message: String,
    },
}

/// An application as its manifest describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    spin_manifest_version: u32,
    /// What it is called.
    pub application: Application,
    /// Settings that the application takes.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    /// Components by id.
    pub component: BTreeMap<String, Component>,
    /// Where it was read.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Table `application`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: String,
    #[serde(default, rename = "version")]
    _version: Option<String>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "tool")]
    _tool: Option<toml::Value>,
    #[serde(default)]
    trigger: Option<toml::Value>,
}

/// One entry of table `variables`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Used when nothing else gives a value.
    pub default: Option<String>,
    /// Must be given.
    #[serde(default)]
    pub required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<HttpTrigger>,
    #[serde(default)]
    redis: Option<toml::Value>,
}

/// One entry of `trigger.http`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTrigger {
    route: toml::Value,
    component: toml::Value,
    #[serde(default, rename = "id")]
    _id: Option<String>,
    #[serde(default)]
    executor: Option<toml::Value>,
    #[serde(default)]
    dependencies: Option<toml::Value>,
}

/// One entry of table `component`.
#[derive(Debug, Deserialize)]
pub struct Component {
    source: toml::Value,
    /// Values for the component, with `{{ name }}` for an application variable.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// WASI environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Hosts that the component may send requests to, with `{{ name }}` as in variables.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "build")]
    _build: Option<toml::Value>,
    #[serde(default, rename = "tool")]
    _tool: Option<toml::Value>,
    /// Everything else that Spin knows.
    #[serde(flatten)]
    unsupported: BTreeMap<String, toml::Value>,
}

/// A route and the component that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As written, such as `/api/...`.
    pub pattern: String,
    /// The component's id.
    pub component: String,
}

impl Component {
    /// Whether the manifest has Spin compose adapter-client in, whose place this host takes.
    #[must_use]
    pub fn has_native_dependency(&self) -> bool {
        !self.dependencies.is_empty()
    }
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] with the file and the key.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|source| ManifestError::Unreadable {
            path: path.into(),
            source,
        })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        let mut manifest: Self =
            toml::from_str(text).map_err(|error| ManifestError::Malformed {
                path: path.into(),
                message: error.to_string(),
            })?;
        manifest.path = path.into();
        manifest.check()?;
        Ok(manifest)
    }

    /// The routes in the order of the manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] for a route that is not a path, is there twice, or names no component.
    pub fn routes(&self) -> Result<Vec<Route>, ManifestError> {
        let mut routes: Vec<Route> = Vec::new();
        for trigger in &self.trigger.http {
            let Some(pattern) = trigger.route.as_str() else {
                return Err(
                    self.unsupported("trigger.http.route", ": give it a path such as `/api/...`")
                );
            };
            let Some(component) = trigger.component.as_str() else {
                return Err(
                    self.unsupported("trigger.http.component", ": give it a component's id")
                );
            };
            if !self.component.contains_key(component) {
                return Err(self.invalid(format!(
                    "route `{pattern}`: there is no component `{component}`"
                )));
            }
            if routes.iter().any(|route| route.pattern == pattern) {
                return Err(self.invalid(format!("route `{pattern}` is there twice")));
            }
            routes.push(Route {
                pattern: pattern.to_owned(),
                component: component.to_owned(),
            });
        }
        Ok(routes)
    }

    /// Where a component's wasm is. Relative paths are relative to the manifest, as in Spin.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] when the source is not a local file.
    pub fn source(&self, id: &str, component: &Component) -> Result<PathBuf, ManifestError> {
        let source = component.source.as_str().ok_or_else(|| {
            self.unsupported(
                &format!("component.{id}.source"),
                ": give it the path of a local file",
            )
        })?;
        Ok(self.path.parent().unwrap_or(Path::new(".")).join(source))
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.spin_manifest_version != 2 {
            let found = self.spin_manifest_version;
            return Err(self.invalid(format!("`spin_manifest_version` must be 2, got {found}")));
        }
        if self.application.trigger.is_some() {
            return Err(self.unsupported("application.trigger", ""));
        }
        if self.trigger.redis.is_some() {
            return Err(self.unsupported("trigger.redis", ""));
        }
        for trigger in &self.trigger.http {
            if trigger.executor.is_some() {
                return Err(self.unsupported("trigger.http.executor", ""));
            }
            if trigger.dependencies.is_some() {
                return Err(self.unsupported("trigger.http.dependencies", ""));
            }
        }
        self.component
            .iter()
            .try_for_each(|(id, component)| self.check_component(id, component))
    }

    fn check_component(&self, id: &str, component: &Component) -> Result<(), ManifestError> {
        if let Some(key) = component.unsupported.keys().next() {
            return Err(self.unsupported(&format!("component.{id}.{key}"), ""));
        }
        let native = |name: &String| {
            name.strip_prefix(NATIVE_DEPENDENCY)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
        };
        if let Some(name) = component.dependencies.keys().find(|name| !native(name)) {
            return Err(self.unsupported(&format!("component.{id}.dependencies.\"{name}\""), ""));
        }
        Ok(())
    }

    fn unsupported(&self, key: &str, hint: &'static str) -> ManifestError {
        ManifestError::Unsupported {
            path: self.path.clone(),
            key: key.to_owned(),
            hint,
        }
    }

    /// An error about this manifest's contents.
    #[must_use]
    pub fn invalid(&self, message: String) -> ManifestError {
        ManifestError::Invalid {
            path: self.path.clone(),
            message,
        }
    }
}

#[cfg(test)]
mod tests;
