//! `up --watch`, with a build command that is quicker than a compiler.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::support::{App, builds::Project, until};

/// Writes the name in `src/name` into the component, and counts the builds.
const BUILD: &str = "echo x >>builds; name=$(cat src/name); [ \"$name\" != broken ] || { echo 'no such name'; exit 3; }
LC_ALL=C sed \"s/build:original..../build:$name/\" template >new; mv new faulty.wasm";

/// A name of the length that the component has room for.
fn padded(name: &str) -> String {
    format!("{name:.<12}\n")
}

fn project(build: &str) -> Project {
    let project = Project::new();
    std::fs::create_dir(project.path().join("src")).expect("create");
    std::fs::copy(project.wasm(), project.path().join("template")).expect("copy");
    project.write("src/name", padded("original"));
    project.write("build.sh", build);
    let manifest = project.read("spin.toml");
    let build = "[component.faulty.build]\ncommand = \"sh -e build.sh\"\nwatch = [\"src/**/*\"]\n";
    project.write("spin.toml", format!("{manifest}{build}"));
    project
}

async fn start(project: &Project) -> App {
    let app = project.builder(&[]).argument("--watch").start().await;
    app.wait_for_log("the watch", |line| message(line).starts_with("watching"))
        .await;
    app
}

fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap_or_default()
}

fn builds(project: &Path) -> usize {
    std::fs::read_to_string(project.join("builds")).map_or(0, |text| text.lines().count())
}

async fn wait_for_build(app: &App, name: &str) {
    until(name, async || (app.build().await == name).then_some(())).await;
}

/// Waits until the changes up to now have been handled, which a further change of the manifest shows.
async fn wait_for_all_changes(app: &App, project: &Project) {
    let manifest = project.read("spin.toml");
    let colour = format!("colour = \"{}\"", uuid::Uuid::now_v7());
    let (before, after) = manifest.split_once("colour = \"").expect("a colour");
    let (_, after) = after.split_once('"').expect("an end");
    project.write("spin.toml", format!("{before}{colour}{after}"));
    let expected = colour
        .trim_start_matches("colour = \"")
        .trim_end_matches('"');
    until("the manifest", async || {
        let found = app.get("/variable/colour").send().await.expect(200).text;
        (found == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_built_and_served() {
    let project = project(BUILD);
    let app = start(&project).await;
    project.write("src/name", padded("first"));
    wait_for_build(&app, "first").await;
    project.write("src/name", padded("second"));
    wait_for_build(&app, "second").await;
    app.wait_for_log("what triggered it", |line| {
        message(line).contains("`src/name` was served")
    })
    .await;
    wait_for_all_changes(&app, &project).await;
    assert_eq!(builds(project.path()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_build_leaves_the_old_component() {
    let project = project(BUILD);
    let app = start(&project).await;
    project.write("src/name", "broken");
    let line = app
        .wait_for_log("the failure", |line| {
            message(line).contains("cannot be built")
        })
        .await;
    assert!(
        line["output"]
            .as_str()
            .expect("text")
            .contains("no such name"),
        "{line}"
    );
    assert_eq!(app.build().await, "original");
    let page = app.request_to("management", Method::GET, "/").send().await;
    let page = page.expect(200).text;
    assert!(
        page.contains("Last builds and reloads") && page.contains("no such name"),
        "{page}"
    );
    project.write("src/name", padded("repaired"));
    wait_for_build(&app, "repaired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_without_a_change_builds_nothing() {
    let project = project(BUILD);
    let app = start(&project).await;
    project.write("src/name", padded("first"));
    wait_for_build(&app, "first").await;
    project.write("src/name", padded("first"));
    project.read("src/name");
    wait_for_all_changes(&app, &project).await;
    assert_eq!(builds(project.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_new_directory_are_noticed() {
    let project = project(&BUILD.replace("cat src/name", "cat src/*/name src/name | head -1"));
    let app = start(&project).await;
    std::fs::create_dir(project.path().join("src/new")).expect("create");
    project.write("src/new/name", padded("first"));
    wait_for_build(&app, "first").await;
    project.write("src/new/name", padded("second"));
    wait_for_build(&app, "second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_changes_its_sources_does_not_loop() {
    let project = project(&format!("date +%N >src/generated; {BUILD}"));
    let app = start(&project).await;
    project.write("src/name", padded("first"));
    app.wait_for_log("the end", |line| {
        message(line).contains("is not built again")
    })
    .await;
    wait_for_all_changes(&app, &project).await;
    let count = builds(project.path());
    assert!(count <= 10, "{count} builds");
    assert_eq!(app.build().await, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setting_is_taken_up() {
    let project = project(BUILD);
    let app = start(&project).await;
    project.write("adapter.toml", "[components.faulty]\npostgres = true\n");
    until("the grant", async || {
        let answer = app.get("/adapter/postgres").send().await.expect(200).text;
        (answer == "something else").then_some(())
    })
    .await;
    let grants = "[components.faulty]\npostgres = true\n";
    let host = "[host]\nmax_requests = 400\n";
    project.write("adapter.toml", format!("{grants}{host}"));
    app.wait_for_log("what was taken up", |line| {
        let text = message(line);
        text.starts_with("took up `host.max_requests` in") && text.contains("after it was saved")
    })
    .await;
    project.write("adapter.toml", "[components.faulty]\npostgers = true\n");
    app.wait_for_log("the mistake", |line| message(line).contains("postgers"))
        .await;
    assert_eq!(builds(project.path()), 0);
}
