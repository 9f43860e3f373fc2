//! README and docs: the transcripts are run unchanged, and the links have targets.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::support::{App, HostMode, declared, markdown, project};

/// A longer README delays the reader's first try.
const MAX_README_LINES: usize = 130;

/// The longest time for the transcript of a page. Only a failing test takes that long.
const TRANSCRIPT_TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn the_readme_transcript_is_what_the_shell_prints() {
    check_transcript("README.md", HostMode::Embedded).await;
}

#[tokio::test]
async fn the_api_transcript_is_what_the_shell_prints() {
    check_transcript("docs/api.md", HostMode::Embedded).await;
}

#[tokio::test]
async fn the_api_transcript_holds_on_composed_components() {
    check_transcript("docs/api.md", HostMode::Composed).await;
}

#[tokio::test]
async fn the_spin_transcript_holds_on_composed_components() {
    check_transcript("docs/spin.md", HostMode::Composed).await;
}

#[tokio::test]
async fn the_commands_of_operations_work() {
    check_transcript("docs/operations.md", HostMode::Embedded).await;
}

#[tokio::test]
async fn the_commands_of_configuration_work() {
    check_transcript("docs/configuration.md", HostMode::Embedded).await;
}

#[tokio::test]
#[ignore = "it needs the service that the page makes: .ci/new-service runs it"]
async fn the_new_service_of_the_page_answers_as_shown() {
    check_transcript("docs/add-a-service.md", HostMode::Embedded).await;
}

#[test]
fn every_shell_block_of_every_page_is_run() {
    let run = [
        "README.md",
        "docs/api.md",
        "docs/spin.md",
        "docs/operations.md",
        "docs/configuration.md",
        "docs/add-a-service.md",
    ];
    for page in markdown_pages() {
        let name = page
            .strip_prefix(project())
            .expect("in the project")
            .display()
            .to_string();
        let steps = markdown::steps(&read_page(&page));
        assert!(
            run.contains(&name.as_str()) || steps.is_empty(),
            "no test runs {name}"
        );
    }
}

#[test]
fn readme_has_at_most_130_lines() {
    let lines = read_page(&project().join("README.md")).lines().count();
    assert!(lines <= MAX_README_LINES, "README.md has {lines} lines");
}

#[test]
fn every_relative_link_has_a_target() {
    let mut broken = Vec::new();
    for page in markdown_pages() {
        for link in markdown::relative_links(&read_page(&page)) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().expect("a folder").join(file)
            };
            let found = target.exists()
                && (heading.is_empty()
                    || markdown::headings(&read_page(&target)).contains(&heading.to_owned()));
            if !found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Runs all shell blocks of a page in one shell, and compares the output of each.
async fn check_transcript(page: &str, mode: HostMode) {
    let steps = markdown::steps(&read_page(&project().join(page)));
    assert!(!steps.is_empty(), "{page} has no transcript");
    let app = App::start(mode).await;
    let mut script = String::new();
    for step in &steps {
        script += &format!("{}\nprintf '\\n%s\\n' '{SEPARATOR}'\n", step.script);
    }
    for (name, documented) in declared::listeners(&project()) {
        let listener = if name == "app" { "all routes" } else { &name };
        script = script.replace(&format!("http://127.0.0.1:{documented}"), app.url(listener));
    }
    let script = script.replace("http://127.0.0.1:9001", &app.management());
    let script = script.replace(
        "target/debug/host-adapter",
        env!("CARGO_BIN_EXE_host-adapter"),
    );
    let output = app.run_script(&script, TRANSCRIPT_TIMEOUT).await;
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.status.success(),
        "{page}: {printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for (step, printed) in steps.iter().zip(printed.split(SEPARATOR)) {
        step.check(page, printed);
    }
}

/// Separates the outputs of two blocks.
const SEPARATOR: &str = "--- next block ---";

/// Returns all Markdown files for readers.
fn markdown_pages() -> Vec<PathBuf> {
    let folders = [
        project(),
        project().join("docs"),
        project().join("migrations"),
    ];
    let files = folders
        .iter()
        .flat_map(|folder| folder.read_dir().expect("a folder"));
    let paths = files.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

fn read_page(page: &Path) -> String {
    std::fs::read_to_string(page).expect("a page")
}
