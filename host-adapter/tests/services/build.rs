//! Finds the end-to-end tests of the services, in the project that `SPINDLE_TEST_PROJECT` names, or else in
//! the repository.

use std::path::{Path, PathBuf};

const VARIABLE: &str = "SPINDLE_TEST_PROJECT";

fn main() -> std::io::Result<()> {
    let project = project()?;
    let mut modules = String::new();
    for test in tests(&project)? {
        println!("cargo::rerun-if-changed={}", test.display());
        modules += &module(&test);
    }
    // A new service changes the manifest. To watch `components` would compile the tests again after every
    // change of a component.
    println!(
        "cargo::rerun-if-changed={}",
        project.join("spin.toml").display()
    );
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!(
        "cargo::rustc-env=SPINDLE_TESTED_PROJECT={}",
        project.display()
    );
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("modules.rs"), macro_of(&modules))
}

fn project() -> std::io::Result<PathBuf> {
    let project = std::env::var_os(VARIABLE).map(PathBuf::from);
    let repository = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    project.unwrap_or_else(repository).canonicalize()
}

/// In the order of their names, so that the same services give the same text.
fn tests(project: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut tests = Vec::new();
    for component in project.join("components").read_dir()? {
        let test = component?.path().join("e2e.rs");
        tests.extend(test.exists().then_some(test));
    }
    tests.sort();
    Ok(tests)
}

fn module(test: &Path) -> String {
    let service = test.parent().and_then(Path::file_name).unwrap_or_default();
    let name = service.to_string_lossy().replace('-', "_");
    format!("        #[path = {test:?}]\n        mod {name}_service;\n")
}

fn macro_of(modules: &str) -> String {
    format!(
        "/// The tests of each service, as a module.\n#[macro_export]\nmacro_rules! modules {{\n    \
         () => {{\n{modules}    }};\n}}\n"
    )
}
