//! Which file belongs to what.

use std::{
    collections::BTreeMap,
    path::{Component as Part, Path, PathBuf},
};

use glob::{MatchOptions, Pattern};
use notify::RecursiveMode;

use super::build::Build;
use crate::{
    cli::{Invocation, up},
    config::DOTENV_FILE,
};
use adapter_component_host::manifest::Manifest;

/// `*` does not match `/`, as in a shell.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Files next to a component's sources that it is built from as well.
const ALWAYS: &str = "Cargo.toml";

/// What changed files belong to. Each with one of the files.
#[derive(Default)]
pub(super) struct Change {
    /// A manifest, the settings or a migration.
    pub(super) project: Option<PathBuf>,
    /// Components by id.
    pub(super) components: BTreeMap<String, PathBuf>,
}

/// The files of a project.
pub(super) struct Sources {
    project: PathBuf,
    components: BTreeMap<String, Source>,
    /// Manifests and settings.
    files: Vec<PathBuf>,
    migrations: PathBuf,
}

/// The files of one component.
struct Source {
    manifest: PathBuf,
    build: Build,
    /// Each with the directory that it begins with.
    patterns: Vec<(PathBuf, Pattern)>,
}

impl Sources {
    /// Reads them from the manifests of all listeners.
    ///
    /// # Errors
    ///
    /// A manifest or a pattern is not valid.
    pub(super) fn read(invocation: &Invocation) -> anyhow::Result<Self> {
        let mut files = vec![
            invocation.project.join(&invocation.file),
            invocation.project.join(DOTENV_FILE),
        ];
        let mut components = BTreeMap::new();
        for path in up::manifests(invocation) {
            let manifest = Manifest::read(&path)?;
            for (id, component) in &manifest.component {
                let Some(build) = &component.build else {
                    continue;
                };
                // The application's manifest comes first, and says the same as a service's own.
                if !components.contains_key(id) {
                    components.insert(id.clone(), Source::new(&path, build)?);
                }
            }
            files.push(path);
        }
        Ok(Self {
            project: invocation.project.clone(),
            components,
            files,
            migrations: invocation.settings.migrations.directory.clone(),
        })
    }

    /// The number of components.
    pub(super) fn len(&self) -> usize {
        self.components.len()
    }

    /// What to watch.
    pub(super) fn directories(&self) -> BTreeMap<PathBuf, RecursiveMode> {
        let mut directories = BTreeMap::new();
        let files = self.files.iter().filter_map(|file| file.parent());
        // New services are made in these.
        let services = self.project.join("components");
        for directory in files.chain([self.project.as_path(), &services]) {
            directories.insert(directory.to_owned(), RecursiveMode::NonRecursive);
        }
        directories.insert(self.migrations.clone(), RecursiveMode::Recursive);
        let patterns = self.components.values().flat_map(|source| &source.patterns);
        for (base, pattern) in patterns {
            let mode = if pattern.as_str().contains("**") {
                RecursiveMode::Recursive
            } else {
                RecursiveMode::NonRecursive
            };
            let known = directories.entry(base.clone()).or_insert(mode);
            if mode == RecursiveMode::Recursive {
                *known = mode;
            }
        }
        directories
    }

    /// Whether a file belongs to anything.
    pub(super) fn knows(&self, path: &Path) -> bool {
        let mut change = Change::default();
        self.sort(path.to_owned(), &mut change);
        change.project.is_some() || !change.components.is_empty()
    }

    /// Adds to `change` what the file belongs to. A directory stands for all files in it, because it may
    /// have come with them.
    pub(super) fn sort(&self, path: PathBuf, change: &mut Change) {
        let is_directory = path.is_dir();
        for (id, source) in &self.components {
            let mut patterns = source.patterns.iter();
            let holds = |(base, pattern): &(PathBuf, Pattern)| {
                pattern.matches_path_with(&path, MATCHING)
                    || (is_directory && (base.starts_with(&path) || path.starts_with(base)))
            };
            if patterns.any(holds) {
                change.components.entry(id.clone()).or_insert(path.clone());
            }
        }
        let is_service = is_directory && path.parent() == Some(&self.project.join("components"));
        if self.files.contains(&path) || path.starts_with(&self.migrations) || is_service {
            change.project.get_or_insert(path);
        }
    }

    /// How a component is built.
    pub(super) fn build(&self, id: &str) -> Option<&Build> {
        self.components.get(id).map(|source| &source.build)
    }

    /// The components that `previous` does not have, each with its manifest.
    pub(super) fn missing_from(&self, previous: &Self) -> Vec<(String, PathBuf)> {
        let new = self.components.iter();
        let new = new.filter(|(id, _)| !previous.components.contains_key(*id));
        new.map(|(id, source)| (id.clone(), source.manifest.clone()))
            .collect()
    }

    /// A file's name for a person.
    pub(super) fn name(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.project).unwrap_or(path);
        path.display().to_string()
    }
}

impl Source {
    fn new(
        manifest: &Path,
        build: &adapter_component_host::manifest::Build,
    ) -> anyhow::Result<Self> {
        let directory = manifest.parent().unwrap_or(Path::new("."));
        let mut patterns = Vec::new();
        for text in &build.watch {
            let (base, rest) = split(directory, text);
            let escaped = Pattern::escape(&base.display().to_string());
            patterns.push((base.clone(), Pattern::new(&format!("{escaped}/{rest}"))?));
            if let Some(package) = base.parent().filter(|_| base.ends_with("src")) {
                let file = package.join(ALWAYS).display().to_string();
                patterns.push((package.to_owned(), Pattern::new(&Pattern::escape(&file))?));
            }
        }
        Ok(Self {
            manifest: manifest.to_owned(),
            build: Build::new(build, directory),
            patterns,
        })
    }
}

/// Splits a pattern into the directory before its first wildcard and the rest. The directory is written
/// without `..`, as the system reports paths.
fn split(directory: &Path, pattern: &str) -> (PathBuf, String) {
    let parts: Vec<&str> = pattern.split('/').collect();
    let last = parts.len().saturating_sub(1);
    let wild = parts.iter().position(|part| part.contains(['*', '?', '[']));
    let (base, rest) = parts.split_at(wild.unwrap_or(last).min(last));
    let base = base
        .iter()
        .fold(directory.to_owned(), |path, part| path.join(part));
    (plain(&base), rest.join("/"))
}

fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Part::ParentDir => {
                plain.pop();
            }
            Part::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_split_before_its_first_wildcard() {
        for (pattern, base, rest) in [
            ("src/**/*.rs", "/p/c/user/src", "**/*.rs"),
            ("../../wit/*.wit", "/p/wit", "*.wit"),
            ("build.rs", "/p/c/user", "build.rs"),
            ("*.rs", "/p/c/user", "*.rs"),
        ] {
            let (found, end) = split(Path::new("/p/c/user"), pattern);
            assert_eq!((found.as_path(), end.as_str()), (Path::new(base), rest));
        }
    }
}
