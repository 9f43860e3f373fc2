//! A copy of the application that a test can change.

use std::path::Path;

use tempfile::TempDir;
use toml::Table;

use super::{project, wasm};

/// Copies the whole application. The listeners of single services are removed, because they need the
/// manifests of the services.
pub(crate) fn application() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let read = |name: &str| std::fs::read_to_string(project().join(name)).expect("a file");
    let write =
        |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("write");
    let mut settings: Table = read("adapter.toml").parse().expect("TOML");
    settings.remove("listen");
    write("adapter.toml", &settings.to_string());
    let target = format!("\"{}/target/", project().display());
    write(
        "spin.toml",
        &read("spin.toml").replace("\"target/", &target),
    );
    let migrations = directory.path().join("migrations");
    std::os::unix::fs::symlink(project().join("migrations"), migrations).expect("link");
    directory
}

/// Adds a test component with these routes to the settings and to the application's manifest, as a
/// developer would.
pub(crate) fn add_component(application: &Path, name: &str, routes: &[&str]) {
    let append = |file: &str, text: &str| {
        let path = application.join(file);
        let before = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, format!("{before}\n{text}")).expect("write");
    };
    append("adapter.toml", &format!("[components.{name}]\n"));
    for route in routes {
        let trigger = format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{name}\"\n");
        append("spin.toml", &trigger);
    }
    let source = wasm(name).display().to_string();
    append(
        "spin.toml",
        &format!("[component.{name}]\nsource = \"{source}\"\n"),
    );
}
