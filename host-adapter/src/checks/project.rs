//! The files that the checks compare, each read once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use adapter_component_host::{
    Imports,
    manifest::{Component, Manifest, ManifestError},
    service_manifest,
};

use crate::config::Settings;

/// Folders in `components/` that are looked at. A project has tens of services at most.
const MAX_FOLDERS: usize = 1_000;

/// A project's settings, manifests and components.
pub struct Project<'a> {
    /// The project's directory.
    pub(super) directory: &'a Path,
    /// The settings file's name in messages.
    pub(super) file: String,
    pub(super) settings: &'a Settings,
    /// `spin.toml`. `None` if the file does not exist.
    pub(super) application: Option<Result<Manifest, ManifestError>>,
    /// `components/<name>/spin.toml`, by name.
    pub(super) services: BTreeMap<String, Result<Manifest, ManifestError>>,
    /// The names of the folders in `components/`.
    pub(super) folders: Vec<String>,
    /// The file of each component of a manifest, and its imports. The imports are `None` if the file does
    /// not exist.
    pub(super) components: BTreeMap<String, (PathBuf, Option<anyhow::Result<Imports>>)>,
}

impl<'a> Project<'a> {
    /// Reads the files of the project in `directory`, whose settings are in `file`.
    #[must_use]
    pub fn read(directory: &'a Path, file: &Path, settings: &'a Settings) -> Self {
        let folders = folders(&directory.join("components"));
        let named = folders
            .iter()
            .map(|name| (name, service_manifest(directory, name)));
        let services = named.filter_map(|(name, path)| Some((name.clone(), read(&path)?)));
        let mut project = Self {
            directory,
            file: file.display().to_string(),
            settings,
            application: read(&directory.join("spin.toml")),
            services: services.collect(),
            folders,
            components: BTreeMap::new(),
        };
        project.components = project.read_components();
        project
    }

    /// Whether there is a manifest of an application.
    #[must_use]
    pub fn has_application(&self) -> bool {
        self.application.is_some()
    }

    /// The manifests that can be read, the application's first.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        let all = self.application.iter().chain(self.services.values());
        all.filter_map(|manifest| manifest.as_ref().ok())
    }

    /// The components of all manifests, with the manifest that describes them.
    pub(super) fn described(&self) -> impl Iterator<Item = (&Manifest, &str, &Component)> {
        self.manifests().flat_map(|manifest| {
            let components = manifest.component.iter();
            components.map(move |(id, component)| (manifest, id.as_str(), component))
        })
    }

    /// The imports of each component whose file can be read.
    pub(super) fn imports(&self) -> impl Iterator<Item = (&str, &Imports)> {
        let components = self.components.iter();
        components.filter_map(|(id, (_, imports))| {
            let imports = imports.as_ref()?.as_ref().ok()?;
            Some((id.as_str(), imports))
        })
    }

    /// A path in messages: relative to the project.
    pub(super) fn name(&self, path: &Path) -> String {
        let path = path.strip_prefix(self.directory).unwrap_or(path);
        path.display().to_string()
    }

    fn read_components(&self) -> BTreeMap<String, (PathBuf, Option<anyhow::Result<Imports>>)> {
        let mut components = BTreeMap::new();
        for (manifest, id, component) in self.described() {
            let Ok(path) = manifest.source(id, component) else {
                continue;
            };
            components.entry(id.to_owned()).or_insert_with(|| {
                let imports = path.exists().then(|| Imports::read(&path));
                (path, imports)
            });
        }
        components
    }
}

fn read(path: &Path) -> Option<Result<Manifest, ManifestError>> {
    path.exists().then(|| Manifest::read(path))
}

/// The names of the folders in `directory`, in order. None if it cannot be read.
fn folders(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.take(MAX_FOLDERS).collect();
    names.sort();
    names
}
