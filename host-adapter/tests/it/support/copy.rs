//! A copy of the application that a test can change.

use std::{path::Path, process::Command};

use secrecy::{ExposeSecret as _, SecretString};
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

/// Grants a component PostgreSQL, and adds its first migration.
pub(crate) fn add_tables(application: &Path, name: &str, migration: &str) {
    let path = application.join("adapter.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    let mut settings: Table = text.parse().expect("TOML");
    let component = settings["components"][name].as_table_mut();
    component
        .expect("a component")
        .insert("postgres".to_owned(), true.into());
    std::fs::write(&path, settings.to_string()).expect("write");
    let folder = application.join("migrations");
    std::fs::remove_file(&folder).expect("the link of `application`");
    std::fs::create_dir_all(folder.join(name)).expect("create");
    for service in std::fs::read_dir(project().join("migrations")).expect("migrations") {
        let service = service.expect("an entry");
        let link = folder.join(service.file_name());
        std::os::unix::fs::symlink(service.path(), link).expect("link");
    }
    let file = folder.join(name).join("0001_tables.up.sql");
    std::fs::write(file, migration).expect("write");
}

/// A copy of the migrations, to which a test adds further ones.
pub(crate) struct MigrationFolder(TempDir);

impl MigrationFolder {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for service in std::fs::read_dir(project().join("migrations")).expect("migrations") {
            let service = service.expect("an entry").path();
            for file in std::fs::read_dir(&service).into_iter().flatten() {
                let file = file.expect("an entry").path();
                let name = file.strip_prefix(project().join("migrations"));
                let copy = directory
                    .path()
                    .join("migrations")
                    .join(name.expect("a migration"));
                std::fs::create_dir_all(copy.parent().expect("a folder")).expect("create");
                std::fs::copy(&file, copy).expect("copy");
            }
        }
        Self(directory)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join("migrations").join(name), text).expect("write");
    }

    /// Applies all of them, as a release that has them would.
    pub(crate) fn run(&self, database: &SecretString) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-adapter"));
        command
            .env_clear()
            .env("DATABASE_URL", database.expose_secret())
            .env("SPINDLE_KEYS_DIRECTORY", self.0.path().join("keys"))
            .env(
                "SPINDLE_MIGRATIONS_DIRECTORY",
                self.0.path().join("migrations"),
            )
            .args(["migrate", "run", "--project"])
            .arg(project());
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
    }
}
