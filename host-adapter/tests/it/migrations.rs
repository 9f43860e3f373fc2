//! `host-adapter migrate`.

use std::path::Path;

use secrecy::ExposeSecret as _;

use crate::support::{App, Builder, HostMode, cluster, copy::MigrationFolder, scratch::Scratch};

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
    let files = file_names(&crate::support::project().join("migrations/user"));
    let names = files.iter().filter(|file| !file.ends_with(".down.sql"));
    for name in names.rev() {
        let name = name.split(['_', '.']).skip(1);
        let words: Vec<&str> = name
            .take_while(|word| !["up", "indexes"].contains(word))
            .collect();
        let reverted = run_successfully(&app, &["migrate", "revert", "--service", "user"]);
        assert!(
            reverted.contains("reverted") && reverted.contains(&words.join(" ")),
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

/// An older program is what this one is to a schema with further migrations.
#[tokio::test]
async fn an_older_release_starts_on_a_newer_schema() {
    let database = cluster::database().await;
    let newer = MigrationFolder::new();
    newer.write(
        "user/9001_add_phone.up.sql",
        "alter table users add column phone text; create table phones (number text);",
    );
    newer.write(
        "user/9002_by_kind.indexes.toml",
        "[[index]]\ncollection = \"activities\"\nname = \"by_kind\"\nfields = [\"kind\"]\n",
    );
    newer.run(&database);
    let app = Builder::new(HostMode::Embedded)
        .database(database.clone())
        .start()
        .await;
    app.wait_for_log("a warning of both migrations", |line| {
        let text = line["message"].as_str().unwrap_or_default();
        let named = ["`user`", "9001 (add phone)", "9002 (by kind)"];
        line["level"] == "WARNING" && named.iter().all(|part| text.contains(part))
    })
    .await;
    app.register_and_log_in("ada").await;
    let status = run_successfully(&app, &["migrate", "status"]);
    assert_eq!(status.matches("missing").count(), 2, "{status}");
    // The newer release drops what a release without migration 9001 still uses.
    newer.write(
        "user/9003_drop_phones_needs_9001.up.sql",
        "drop table phones;",
    );
    newer.run(&database);
    let refused = app.run(&["migrate", "run"]);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && text.contains("migration 9003") && text.contains("9001"),
        "{text}"
    );
}

#[tokio::test]
async fn commands_that_look_change_nothing() {
    let database = cluster::database().await;
    let mut connection = cluster::connect(&database).await;
    let mut objects = async || {
        let count = "select (select count(*) from pg_namespace where nspname not like 'pg\\_%')
            + (select count(*) from pg_roles where rolname like current_database() || '%')
            + (select count(*) from pg_class where relnamespace = 'public'::regnamespace)";
        let counted = sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection);
        counted.await.expect("a count")
    };
    let before = objects().await;
    let scratch = Scratch::new(
        "[components.user]\npostgres = true\ncollections = [\"activities\"]\ntokens = [\"issue\"]\n",
    );
    scratch.write(
        "migrations/user/0001_things.up.sql",
        "create table things ();",
    );
    let scratch = scratch.env("DATABASE_URL", database.expose_secret());
    let status = scratch.run(&["migrate", "status"]);
    let text = String::from_utf8_lossy(&status.stdout);
    assert!(
        status.status.success() && text.contains("pending"),
        "{status:?}"
    );
    let url = scratch.run(&["database-url"]);
    assert!(url.status.success(), "{url:?}");
    assert_eq!(objects().await, before);
    // Without a database, they do not start one.
    let scratch = scratch.env("DATABASE_URL", "");
    for command in [&["migrate", "status"][..], &["database-url"]] {
        let output = scratch.run(command);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("is not running"), "{output:?}");
    }
    assert!(!scratch.path().join(".spindle").exists());
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
