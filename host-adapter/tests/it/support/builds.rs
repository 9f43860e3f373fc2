//! A project with the guest `faulty`, of which a test makes other builds without a compiler.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{App, Builder, HostMode, wasm};

/// The name of the build as the guest has it.
const ORIGINAL: &str = "build:original....";

/// The project's directory.
pub(crate) struct Project(TempDir);

impl Project {
    /// A project that serves the original build at the listeners `app` and `faulty`.
    pub(crate) fn new() -> Self {
        let project = Self(tempfile::tempdir().expect("a directory"));
        std::fs::create_dir_all(project.path().join("components/faulty")).expect("create");
        project.write("adapter.toml", "[components.faulty]\n");
        project.write("spin.toml", manifest("faulty.wasm", "red"));
        let own = manifest("../../faulty.wasm", "red");
        project.write("components/faulty/spin.toml", &own);
        project.build("original");
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file as editors and cargo do: whole, or not at all.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        // Not beside it: `up --watch` would build what is there before the rename.
        let temporary = self.path().join("unfinished");
        std::fs::write(&temporary, content).expect("write");
        std::fs::rename(temporary, self.path().join(name)).expect("rename");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("a file")
    }

    /// Replaces the component by the build `name`.
    pub(crate) fn build(&self, name: &str) {
        self.write("faulty.wasm", build(name));
    }

    pub(crate) fn wasm(&self) -> PathBuf {
        self.path().join("faulty.wasm")
    }

    /// Starts the application.
    pub(crate) async fn start(&self, environment: &[(&str, &str)]) -> App {
        self.builder(environment).start().await
    }

    pub(crate) fn builder(&self, environment: &[(&str, &str)]) -> Builder {
        let mut builder = Builder::new(HostMode::Embedded).project(self.path(), &["app", "faulty"]);
        for (name, value) in environment {
            builder = builder.env(name, *value);
        }
        builder
    }
}

/// A manifest that sends every route to `faulty`.
pub(crate) fn manifest(source: &str, colour: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"faulty\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"faulty\"\n\
         [component.faulty]\nsource = \"{source}\"\nvariables = {{ colour = \"{colour}\" }}\n"
    )
}

/// The component with another name of its build.
pub(crate) fn build(name: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(wasm("faulty")).expect("read");
    let places: Vec<usize> = bytes
        .windows(ORIGINAL.len())
        .enumerate()
        .filter_map(|(place, window)| (window == ORIGINAL.as_bytes()).then_some(place))
        .collect();
    assert_eq!(places.len(), 1, "the name of the build must be there once");
    let name = format!("build:{name:.<12}");
    assert_eq!(
        name.len(),
        ORIGINAL.len(),
        "the name of the build is too long"
    );
    bytes[places[0]..][..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

impl App {
    /// Runs `host-adapter reload` with these arguments and `--json`, without blocking other tasks.
    pub(crate) async fn reload(&self, arguments: &[&str]) -> Reload {
        let arguments = [&["reload", "--json"], arguments].concat();
        let output = tokio::task::block_in_place(|| self.run(&arguments));
        Reload(output)
    }

    /// The build that answers.
    pub(crate) async fn build(&self) -> String {
        self.get("/build").send().await.expect(200).text
    }
}

/// What `host-adapter reload` has printed.
#[derive(Debug)]
pub(crate) struct Reload(Output);

impl Reload {
    pub(crate) fn succeeded(&self) -> bool {
        self.0.status.success()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// What became of a component: `replaced`, `unchanged`, …
    pub(crate) fn change(&self, component: &str) -> String {
        self.outcome(component)["change"]
            .as_str()
            .expect("text")
            .to_owned()
    }

    /// Why the new component does not serve.
    pub(crate) fn reason(&self, component: &str) -> String {
        let outcome = self.outcome(component);
        outcome["reason"]
            .as_str()
            .unwrap_or_else(|| panic!("no reason: {outcome}"))
            .to_owned()
    }

    fn outcome(&self, component: &str) -> Value {
        let report = self.json();
        let outcomes = report["components"].as_array().cloned().unwrap_or_default();
        let outcome = outcomes
            .into_iter()
            .find(|one| one["component"] == component);
        outcome.unwrap_or_else(|| panic!("no `{component}`: {report}"))
    }
}
