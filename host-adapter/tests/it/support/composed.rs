//! The application as it is on stock Spin: adapter-client composed into each component, as Spin
//! does it and with the library that Spin does it with, and the adapter in a process of its own.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use tempfile::TempDir;
use toml::{Table, Value};

use super::wasm;

/// A project whose components are composed. They call the adapter at `adapter`, each with its token.
pub(crate) fn project(original: &Path, adapter: &str, tokens: &HashMap<String, String>) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = read(&original.join("adapter.toml"));
    write(&directory.path().join("adapter.toml"), &ungranted(settings));
    let mut manifests = vec![PathBuf::from("spin.toml")];
    for name in tokens.keys() {
        let manifest = Path::new("components").join(name).join("spin.toml");
        if original.join(&manifest).exists() {
            manifests.push(manifest);
        }
    }
    for manifest in manifests {
        let (from, to) = (original.join(&manifest), directory.path().join(&manifest));
        write(&to, &composed(&from, adapter, tokens));
    }
    directory
}

/// Names of components in a project's settings.
pub(crate) fn components(project: &Path) -> Vec<String> {
    let settings = read(&project.join("adapter.toml"));
    let components = settings.get("components").and_then(Value::as_table);
    components.map_or_else(Vec::new, |table| table.keys().cloned().collect())
}

/// Settings by which the host itself gives the components nothing.
fn ungranted(settings: Table) -> Table {
    let mut kept = Table::new();
    for (section, mut value) in settings {
        match section.as_str() {
            "components" => {
                for (_, grants) in value.as_table_mut().expect("components") {
                    *grants = Value::Table(Table::new());
                }
            }
            "listen" | "host" => {}
            _ => continue,
        }
        kept.insert(section, value);
    }
    kept
}

/// A manifest after what Spin does with its dependencies.
fn composed(path: &Path, adapter: &str, tokens: &HashMap<String, String>) -> Table {
    let mut manifest = read(path);
    let components = manifest["component"].as_table_mut().expect("components");
    for (name, component) in components {
        let component = component.as_table_mut().expect("a component");
        let source = component["source"].as_str().expect("a path");
        let source = compose(&path.parent().expect("a directory").join(source));
        component.insert("source".into(), source.display().to_string().into());
        component.remove("dependencies");
        component.insert("allowed_outbound_hosts".into(), vec![adapter].into());
        let variables = component
            .entry("variables")
            .or_insert_with(|| Value::Table(Table::new()));
        let variables = variables.as_table_mut().expect("variables");
        variables.insert("adapter_url".into(), adapter.into());
        variables.insert(
            "adapter_token".into(),
            tokens[name.as_str()].as_str().into(),
        );
    }
    manifest
}

/// The component at `source` with adapter-client in it, made once per run.
fn compose(source: &Path) -> PathBuf {
    static COMPOSED: OnceLock<Mutex<HashMap<PathBuf, PathBuf>>> = OnceLock::new();
    let source = source.canonicalize().expect("the component is built");
    let mut composed = COMPOSED.get_or_init(Mutex::default).lock().expect("lock");
    let path = composed.entry(source.clone()).or_insert_with(|| {
        let name = source.file_stem().expect("a name").to_string_lossy();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composed");
        std::fs::create_dir_all(&directory).expect("create");
        // Another run may be composing the same; a rename puts it there whole.
        let path = directory.join(format!("{name}-{}.wasm", std::process::id()));
        let bytes = |path: &Path| std::fs::read(path).expect("a component");
        let composed = composer::compose(bytes(&source), bytes(&wasm("adapter_client")));
        std::fs::write(&path, composed.expect("it composes")).expect("write");
        let to = directory.join(format!("{name}.wasm"));
        std::fs::rename(&path, &to).expect("rename");
        to
    });
    path.clone()
}

fn read(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).expect("a file");
    text.parse().expect("TOML")
}

fn write(path: &Path, table: &Table) {
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("create");
    std::fs::write(path, table.to_string()).expect("write");
}
