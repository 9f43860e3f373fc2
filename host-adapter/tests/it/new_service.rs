//! `host-adapter new-service`: what it makes, and what it refuses. `.ci/new-service` builds and runs what it
//! makes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::project;

/// What the program printed on standard error, unless it succeeded.
fn run(project: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-adapter"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .arg("--project")
        .arg(project)
        .arg("new-service")
        .args(arguments);
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

/// A project with the manifests of the repository, and an empty folder that is in the way.
fn copy() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in ["adapter.toml", "spin.toml", "Cargo.lock"] {
        std::fs::copy(project().join(file), directory.path().join(file)).expect("copy");
    }
    std::fs::create_dir_all(directory.path().join("components/in-the-way")).expect("create");
    directory
}

/// Every file below a directory, with its content.
fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for entry in directory.read_dir().expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let text = std::fs::read_to_string(&path).expect("text");
            files.insert(path, text);
        }
    }
    files
}

#[test]
fn a_service_that_cannot_be_made_changes_nothing() {
    let project = copy();
    let before = files(project.path());
    for (arguments, words) in [
        (&["user"][..], "`user` is a component already"),
        (&["Foo!"], "`Foo!` cannot be a service's name"),
        (&["users"], "`/api/v1/users/...` is another service's"),
        (&["tokens"], "`tokens` is a reserved name"),
        (&["order"], "`order` is a word of Rust or SQL"),
        (&["pages"], "uses `page` for something else"),
        (&["hyper"], "`hyper` is the name of a package"),
        (&["in-the-way"], "`components/in-the-way` exists already"),
        (
            &["notes", "--port", "8002"],
            "port 8002 is that of `listen.user`",
        ),
        (
            &["notes", "--port", "9000"],
            "port 9000 is that of `server.address`",
        ),
        (&["notes", "--port", "0"], "--port"),
        (
            &["activities", "--store", "documents"],
            "`activities` is one of `user`",
        ),
        (&[], "<NAME>"),
    ] {
        let error = run(project.path(), arguments).expect_err("refused");
        assert!(error.contains(words), "`{words}` is not in: {error}");
        assert!(!error.contains("panicked"), "{error}");
        assert_eq!(files(project.path()), before, "{arguments:?}");
    }
}

#[test]
fn a_port_that_another_program_uses_is_refused() {
    let project = copy();
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("an address").port().to_string();
    let error = run(project.path(), &["notes", "--port", &port]).expect_err("refused");
    assert!(error.contains(&format!("port {port} is in use")), "{error}");
}

#[test]
fn the_page_shows_what_is_printed() {
    let printed = run(copy().path(), &["notes"]).expect("made");
    let page = std::fs::read_to_string(project().join("docs/add-a-service.md")).expect("a page");
    assert!(page.contains(printed.trim()), "{printed}");
}

#[test]
fn a_second_service_gets_the_next_port_and_a_first_one_stays() {
    let project = copy();
    run(project.path(), &["notes"]).expect("made");
    let notes = files(&project.path().join("components/notes"));
    let printed = run(project.path(), &["order-items", "--store", "documents"]).expect("made");
    assert!(printed.contains("port 8004"), "{printed}");
    assert_eq!(files(&project.path().join("components/notes")), notes);
    let again = run(project.path(), &["notes"]).expect_err("refused");
    assert!(again.contains("a component already"), "{again}");
    let settings = std::fs::read_to_string(project.path().join("adapter.toml")).expect("settings");
    assert!(
        settings.contains("notes = \"127.0.0.1:8003\""),
        "{settings}"
    );
}
