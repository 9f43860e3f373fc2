//! Folders in `components/` that build a component which no manifest uses.

use std::path::Path;

use toml::{Table, Value};

use super::{Finding, Project};

const CHECK: &str = "folders";

/// Size limit of a `Cargo.toml`, in bytes. Those of the services have about 1 KiB.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    if project.application.is_none() {
        return Vec::new();
    }
    let used = used_files(project);
    let folders = project.folders.iter();
    let unused = folders.filter(|folder| {
        let path = project.directory.join("components").join(folder);
        let file = component_file(&path);
        file.is_some_and(|file| !used.contains(&file))
    });
    let finding = |folder: &String| {
        let file = &project.file;
        Finding::warning(
            CHECK,
            format!("components/{folder} builds a component, but no manifest uses it"),
            format!(
                "add `[component.{folder}]` and a route to spin.toml, and `[components.{folder}]` to {file}"
            ),
        )
    };
    unused.map(finding).collect()
}

/// The names of the `.wasm` files in the manifests, as components and as dependencies.
fn used_files(project: &Project<'_>) -> Vec<String> {
    let mut files = Vec::new();
    for (manifest, id, component) in project.described() {
        let source = manifest.source(id, component);
        let dependencies = component.dependency_paths().map(Path::new);
        files.extend(source.iter().filter_map(|path| name(path)));
        files.extend(dependencies.filter_map(name));
    }
    files
}

fn name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// The name of the `.wasm` file that the package in `folder` builds. `None` for a library.
fn component_file(folder: &Path) -> Option<String> {
    let path = folder.join("Cargo.toml");
    if path.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    let manifest: Table = std::fs::read_to_string(path).ok()?.parse().ok()?;
    let kinds = manifest.get("lib")?.get("crate-type")?.as_array()?;
    kinds
        .contains(&Value::String("cdylib".to_owned()))
        .then_some(())?;
    let package = manifest.get("package")?.get("name")?.as_str()?;
    Some(format!("{}.wasm", package.replace('-', "_")))
}
