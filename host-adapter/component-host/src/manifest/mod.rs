//! The part of Spin's application manifest (version 2) that the embedded host supports.
//!
//! A key that Spin supports and this host does not is an error that names the key. An application that
//! starts here therefore behaves as it does on Spin.

mod alone;

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The package that the embedded host provides natively. It replaces a dependency of this name.
const NATIVE_DEPENDENCY: &str = "spindle:adapter";

/// A manifest that cannot be loaded. The text is for its author.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not TOML, or not a manifest.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, the key, and the expected value.
        message: String,
    },
    /// A key that Spin supports and this host does not.
    #[error("{}: `{key}` is not supported by the embedded host{hint}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The key with its tables.
        key: String,
        /// What to do instead, or empty.
        hint: &'static str,
    },
    /// A value is not valid.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key, and why its value is not valid.
        message: String,
    },
}

/// A parsed manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    spin_manifest_version: u32,
    /// Table `application`.
    pub application: Application,
    /// The application's variables by name.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    /// Components by id.
    pub component: BTreeMap<String, Component>,
    /// The file that it was read from.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Table `application`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The application's name.
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
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The value if the environment has none.
    pub default: Option<String>,
    /// Whether the environment must have a value.
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
    /// The component's variables. `{{ name }}` stands for an application variable.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// WASI environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Hosts that the component may send requests to. `{{ name }}` stands for an application variable.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    /// How the component is built. Only `up --watch` builds it.
    #[serde(default)]
    pub build: Option<Build>,
    #[serde(default, rename = "tool")]
    _tool: Option<toml::Value>,
    /// All other keys.
    #[serde(flatten)]
    unsupported: BTreeMap<String, toml::Value>,
}

/// Table `component.<id>.build`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Build {
    command: Commands,
    /// Where the commands run. A relative path is relative to the manifest.
    #[serde(default)]
    pub workdir: PathBuf,
    /// Patterns of the files that the component is built from, relative to the manifest.
    #[serde(default)]
    pub watch: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Commands {
    One(String),
    Several(Vec<String>),
}

impl Build {
    /// The commands of a shell, in order.
    #[must_use]
    pub fn commands(&self) -> &[String] {
        match &self.command {
            Commands::One(command) => std::slice::from_ref(command),
            Commands::Several(commands) => commands,
        }
    }
}

/// A route and the component that handles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The pattern as written, such as `/api/...`.
    pub pattern: String,
    /// The component's id.
    pub component: String,
}

impl Component {
    /// Whether Spin would compose adapter-client into the component. This host replaces it.
    #[must_use]
    pub fn has_native_dependency(&self) -> bool {
        !self.dependencies.is_empty()
    }

    /// The WebAssembly files that Spin composes into the component, as written.
    pub fn dependency_paths(&self) -> impl Iterator<Item = &str> {
        let dependencies = self.dependencies.values();
        dependencies.filter_map(|dependency| dependency.get("path")?.as_str())
    }

    /// The names of the dependencies, with the key that decides what they inherit.
    pub fn dependency_grants(&self) -> impl Iterator<Item = (&str, Option<&toml::Value>)> {
        let dependencies = self.dependencies.iter();
        dependencies.map(|(name, value)| (name.as_str(), value.get("inherit_configuration")))
    }
}

impl Manifest {
    /// Reads and checks the manifest at `path`. That of a service, `components/<service>/spin.toml`, may be
    /// missing: then the service is that of the application's manifest, with all paths.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the manifest is not valid or not supported.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(source) => match alone::application_of(path) {
                Some((application, service)) if source.kind() == ErrorKind::NotFound => {
                    Self::read(&application)?.alone(service)
                }
                _ => Err(ManifestError::Unreadable {
                    path: path.into(),
                    source,
                }),
            },
        }
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
    /// A route is not a path, is defined twice, or refers to a component that is not defined.
    pub fn routes(&self) -> Result<Vec<Route>, ManifestError> {
        let mut routes: Vec<Route> = Vec::new();
        for trigger in &self.trigger.http {
            let Some(pattern) = trigger.route.as_str() else {
                return Err(
                    self.unsupported("trigger.http.route", "; use a path such as `/api/...`")
                );
            };
            let Some(component) = trigger.component.as_str() else {
                return Err(self.unsupported("trigger.http.component", "; use a component's id"));
            };
            if !self.component.contains_key(component) {
                return Err(self.invalid(format!(
                    "route `{pattern}`: component `{component}` is not defined"
                )));
            }
            if routes.iter().any(|route| route.pattern == pattern) {
                return Err(self.invalid(format!("route `{pattern}` is defined twice")));
            }
            routes.push(Route {
                pattern: pattern.to_owned(),
                component: component.to_owned(),
            });
        }
        Ok(routes)
    }

    /// The path of a component's wasm. A relative path is relative to the manifest, as in Spin.
    ///
    /// # Errors
    ///
    /// The source is not a local file.
    pub fn source(&self, id: &str, component: &Component) -> Result<PathBuf, ManifestError> {
        let source = component.source.as_str().ok_or_else(|| {
            self.unsupported(
                &format!("component.{id}.source"),
                "; use the path of a local file",
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
