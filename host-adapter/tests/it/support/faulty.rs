//! The component that misbehaves on request (`tests/guests/faulty`), alone in a project.

use std::path::Path;

use tempfile::TempDir;

use super::{App, Builder, HostMode, wasm};

/// Creates a project with this component.
pub(crate) fn project(spin: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let write =
        |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("write");
    write("adapter.toml", "[components.faulty]\n");
    write("spin.toml", spin);
    std::fs::create_dir_all(directory.path().join("components/faulty")).expect("create");
    write("components/faulty/spin.toml", spin);
    directory
}

pub(crate) fn manifest() -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"faulty\"\n[variables]\ncolour = {{ default = \"red\" }}\n\
         cors_origins = {{ default = \"https://a.example\" }}\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"faulty\"\n[component.faulty]\nsource = \"{}\"\n\
         variables = {{ colour = \"dark {{{{ colour }}}}\", cors_origins = \"{{{{ cors_origins }}}}\" }}\nenvironment = {{ SHAPE = \"round\" }}\n",
        wasm("faulty").display()
    )
}

pub(crate) async fn start(directory: &Path, environment: &[(&str, &str)]) -> App {
    let mut builder = Builder::new(HostMode::Embedded).project(directory, &["app", "faulty"]);
    for (name, value) in environment {
        builder = builder.env(name, *value);
    }
    builder.start().await
}
