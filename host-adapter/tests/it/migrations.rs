//! `host-adapter migrate`.

use std::path::Path;

use crate::support::{App, Builder, HostMode};

fn run_successfully(app: &App, arguments: &[&str]) -> String {
    let output = app.run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn migrations_are_shown_reverted_and_applied_again() {
    let app = App::start(HostMode::Embedded).await;
    assert!(
        run_successfully(&app, &["migrate", "status"]).contains("applied"),
        "after up"
    );
    // Migrations are reverted from the latest to the first.
    for name in [
        "drop row count constraints",
        "activities",
        "password hash form",
        "sessions",
        "users",
    ] {
        let reverted = run_successfully(&app, &["migrate", "revert", "--service", "user"]);
        assert!(
            reverted.contains("reverted") && reverted.contains(name),
            "{reverted}"
        );
    }
    assert!(
        run_successfully(&app, &["migrate", "status", "--service", "user"]).contains("pending"),
        "after revert"
    );
    app.get("/api/v1/users/stats/count")
        .send()
        .await
        .expect(500);
    assert!(
        run_successfully(&app, &["migrate", "run", "--service", "user"]).contains("applied"),
        "run"
    );
    assert!(
        run_successfully(&app, &["migrate", "run"]).contains("nothing to do"),
        "second run"
    );
    app.register("ada").await.expect(201);
    let output = app.run(&["migrate", "run", "--service", "nobody"]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("`nobody`"),
        "{output:?}"
    );
}

#[tokio::test]
async fn migrations_of_a_service_can_be_skipped() {
    let app = Builder::new(HostMode::Embedded)
        .env("SPINDLE_MIGRATIONS_SKIP", "user")
        .start()
        .await;
    app.get("/api/v1/users/stats/count")
        .send()
        .await
        .expect(500);
    assert!(
        run_successfully(&app, &["migrate", "status", "--service", "user"]).contains("pending"),
        "status"
    );
    assert!(
        run_successfully(&app, &["migrate", "run", "--service", "user"]).contains("applied"),
        "when asked for it"
    );
    app.get("/api/v1/users/stats/count")
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_new_migration_creates_two_files() {
    let app = App::start(HostMode::Embedded).await;
    let directory = tempfile::tempdir().expect("a directory");
    let folder = directory.path().join("migrations");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_host-adapter"))
        .args([
            "migrate",
            "new",
            "--service",
            "user",
            "add last seen",
            "--project",
        ])
        .arg(crate::support::project())
        .env("SPINDLE_MIGRATIONS_DIRECTORY", &folder)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let names: Vec<String> = file_names(&folder.join("user"));
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names[0].ends_with("_add_last_seen.down.sql")
            && names[1].ends_with("_add_last_seen.up.sql"),
        "{names:?}"
    );
    drop(app);
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}
