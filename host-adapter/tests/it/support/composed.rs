//! The application as it runs on stock Spin: adapter-client is composed into each component, with the
//! same library that Spin uses, and the adapter runs in a separate process.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use tempfile::TempDir;
use toml::{Table, Value};

use super::wasm;

/// Creates a project of composed components, which call the adapter at the URL `adapter` with their
/// tokens.
pub(crate) fn project(original: &Path, adapter: &str, tokens: &HashMap<String, String>) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = read_toml(&original.join("adapter.toml"));
    write_toml(
        &directory.path().join("adapter.toml"),
        &without_grants(settings),
    );
    let mut manifests = vec![PathBuf::from("spin.toml")];
    for name in tokens.keys() {
        let manifest = Path::new("components").join(name).join("spin.toml");
        if original.join(&manifest).exists() {
            manifests.push(manifest);
        }
    }
    for manifest in manifests {
        let (from, to) = (original.join(&manifest), directory.path().join(&manifest));
        write_toml(&to, &compose_manifest(&from, adapter, tokens));
    }
    directory
}

/// Removes all grants, so that components receive nothing from the host itself.
fn without_grants(settings: Table) -> Table {
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

/// Returns the manifest with composed components, which no longer have dependencies.
fn compose_manifest(path: &Path, adapter: &str, tokens: &HashMap<String, String>) -> Table {
    let mut manifest = read_toml(path);
    let components = manifest["component"].as_table_mut().expect("components");
    for (name, component) in components {
        let component = component.as_table_mut().expect("a component");
        let source = component["source"].as_str().expect("a path");
        let source = compose_component(&path.parent().expect("a directory").join(source));
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

/// Composes adapter-client into the component at `source`, once per test run.
fn compose_component(source: &Path) -> PathBuf {
    static COMPOSED: OnceLock<Mutex<HashMap<PathBuf, PathBuf>>> = OnceLock::new();
    let source = source.canonicalize().expect("the component is built");
    let mut composed = COMPOSED.get_or_init(Mutex::default).lock().expect("lock");
    let path = composed.entry(source.clone()).or_insert_with(|| {
        let name = source.file_stem().expect("a name").to_string_lossy();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composed");
        std::fs::create_dir_all(&directory).expect("create");
        // Another test run may write the same file. A rename replaces it atomically.
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

fn read_toml(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).expect("a file");
    text.parse().expect("TOML")
}

fn write_toml(path: &Path, table: &Table) {
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("create");
    std::fs::write(path, table.to_string()).expect("write");
}
