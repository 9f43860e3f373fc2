//! Migrations of document indexes. Both stores use the same files and report the same texts.

use std::path::Path;

use adapter_capabilities::documents::{
    Direction, Documents, Error,
    InsertOutcome::{self, Duplicate, Inserted},
    Query,
};
use host_adapter::config::{Environment, Settings};
use rstest::rstest;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::{Executor as _, Row as _};
use tempfile::TempDir;

use crate::support::{capabilities::Granted, cluster, mongodb, until};

const BY_USER: &str = r#"
    [[index]]
    collection = "events"
    name = "by_user"
    fields = ["user", "-at"]
"#;

const UNIQUE: &str = r#"
    [[index]]
    collection = "events"
    name = "by_kind"
    fields = ["kind"]

    [[index]]
    collection = "events"
    name = "one_per_mail"
    fields = ["mail"]
    unique = true
"#;

/// A project with one service, `test`, and a document store.
struct Project {
    directory: TempDir,
    database: SecretString,
    mongodb: Option<mongodb::Database>,
    granted: Option<Granted>,
}

impl Project {
    async fn new(store: Store) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = "[components.test]\ncollections = [\"events\"]\n";
        std::fs::write(directory.path().join("adapter.toml"), settings).expect("write");
        let mongodb = match store {
            Store::Jsonb => None,
            Store::MongoDb => Some(mongodb::database().await),
        };
        Self {
            directory,
            database: cluster::database().await,
            mongodb,
            granted: None,
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.path().join("migrations/test").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("write");
    }

    /// Runs `host-adapter migrate`, and returns its output or its error text.
    fn migrate(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_host-adapter"));
        command
            .env_clear()
            .env("DATABASE_URL", self.database.expose_secret())
            .arg("--project")
            .arg(self.directory.path())
            .arg("migrate")
            .args(arguments);
        if let Some(mongodb) = &self.mongodb {
            command.env("MONGODB_URL", mongodb.url.expose_secret());
        }
        command
    }

    /// Opens the documents with the settings of the project.
    async fn documents(&mut self) -> Documents {
        let mut variables = vec![("DATABASE_URL", self.database.expose_secret())];
        if let Some(mongodb) = &self.mongodb {
            variables.push(("MONGODB_URL", mongodb.url.expose_secret()));
        }
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let settings = Settings::load(
            self.directory.path(),
            Path::new("adapter.toml"),
            &Environment::new(variables, []),
        );
        let granted = Granted::from_settings(settings.expect("settings"), &self.database).await;
        let documents = granted
            .capabilities_of("test")
            .documents()
            .expect("granted")
            .clone();
        self.granted = Some(granted);
        documents
    }
}

#[derive(Clone, Copy)]
enum Store {
    Jsonb,
    MongoDb,
}

async fn insert(documents: &Documents, list: &[&str]) -> Vec<InsertOutcome> {
    let list: Vec<String> = list.iter().map(|&text| text.to_owned()).collect();
    documents.insert("events", &list).await.expect("insert")
}

#[rstest]
#[case::jsonb(Store::Jsonb)]
#[case::mongodb(Store::MongoDb)]
#[tokio::test]
async fn indexes_are_shown_applied_and_reverted(#[case] store: Store) {
    let project = Project::new(store).await;
    project.write("0001_users.indexes.toml", BY_USER);
    project.write("0002_mails.indexes.toml", UNIQUE);
    let status = project.migrate(&["status"]).expect("status");
    assert_eq!(status.matches("pending").count(), 2, "{status}");
    let run = project.migrate(&["run", "--service", "test"]).expect("run");
    assert_eq!(run.matches("applied").count(), 2, "{run}");
    let run = project.migrate(&["run"]).expect("a second run");
    assert!(run.contains("nothing to do"), "{run}");
    let reverted = project
        .migrate(&["revert", "--service", "test"])
        .expect("revert");
    assert!(
        reverted.contains("mails") && reverted.contains("reverted"),
        "{reverted}"
    );
    let status = project.migrate(&["status"]).expect("status");
    assert!(
        status.contains("applied") && status.contains("pending"),
        "{status}"
    );
    project.write("0001_users.indexes.toml", &BY_USER.replace("-at", "at"));
    let status = project.migrate(&["status"]).expect("status");
    assert!(status.contains("changed"), "{status}");
    std::fs::remove_file(
        project
            .directory
            .path()
            .join("migrations/test/0001_users.indexes.toml"),
    )
    .expect("remove");
    let status = project.migrate(&["status"]).expect("status");
    assert!(status.contains("missing"), "{status}");
    // A revert needs only the recorded migration, not its file.
    project
        .migrate(&["revert", "--service", "test"])
        .expect("revert");
    assert_eq!(
        project
            .migrate(&["status"])
            .expect("status")
            .matches("pending")
            .count(),
        1
    );
}

#[rstest]
#[case::jsonb(Store::Jsonb)]
#[case::mongodb(Store::MongoDb)]
#[tokio::test]
async fn a_unique_index_detects_duplicates(#[case] store: Store) {
    let mut project = Project::new(store).await;
    project.write("0001_mails.indexes.toml", UNIQUE);
    project.migrate(&["run"]).expect("run");
    let documents = project.documents().await;
    let long = "x".repeat(5_000);
    let list = [
        r#"{"_id":"a","mail":"ada"}"#,
        r#"{"_id":"b","mail":"ada"}"#,
        r#"{"_id":"c","mail":"eve"}"#,
        r#"{"_id":"d"}"#,
        r#"{"_id":"e","mail":null}"#,
        r#"{"_id":"f","mail":1}"#,
        r#"{"_id":"g","mail":1.0}"#,
        r#"{"_id":"h","mail":"1"}"#,
        &format!(r#"{{"_id":"i","mail":"{long}"}}"#),
        &format!(r#"{{"_id":"j","mail":"{long}"}}"#),
        &format!(r#"{{"_id":"k","mail":"{long}y"}}"#),
    ];
    let expected = [
        Inserted, Duplicate, Inserted, Inserted, Duplicate, Inserted, Duplicate, Inserted,
        Inserted, Duplicate, Inserted,
    ];
    assert_eq!(insert(&documents, &list).await, expected);
    assert_eq!(documents.count("events", "{}").await.expect("count"), 7);
    let update = documents
        .update("events", r#"{"_id":"c"}"#, r#"{"$set":{"mail":"ada"}}"#)
        .await;
    assert!(
        matches!(&update, Err(Error::Invalid(why)) if why.contains("`one_per_mail`")),
        "{update:?}"
    );
    assert_eq!(
        documents
            .count("events", r#"{"mail":"ada"}"#)
            .await
            .expect("count"),
        1
    );
}

#[rstest]
#[case::jsonb(Store::Jsonb)]
#[case::mongodb(Store::MongoDb)]
#[tokio::test]
async fn a_failed_index_build_leaves_nothing_behind(#[case] store: Store) {
    let mut project = Project::new(store).await;
    let documents = project.documents().await;
    let list = [r#"{"_id":"a","mail":"x"}"#, r#"{"_id":"b","mail":"x"}"#];
    assert_eq!(insert(&documents, &list).await, [Inserted; 2]);
    project.write("0001_mails.indexes.toml", UNIQUE);
    let error = project.migrate(&["run"]).expect_err("duplicates");
    for part in [
        "`one_per_mail`",
        "`events`",
        "several documents have the same value",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let status = project.migrate(&["status"]).expect("status");
    assert!(status.contains("pending"), "{status}");
    // The other index of the file was not created either: its name is free for other fields.
    assert_eq!(
        documents
            .remove("events", r#"{"_id":"b"}"#)
            .await
            .expect("remove"),
        1
    );
    project.write(
        "0001_mails.indexes.toml",
        &UNIQUE.replace("\"kind\"", "\"sort\""),
    );
    project.migrate(&["run"]).expect("run");
    assert_eq!(
        insert(&documents, &[r#"{"_id":"c","mail":"x"}"#]).await,
        [Duplicate]
    );
    project.write(
        "0002_again.indexes.toml",
        &UNIQUE.replace("\"kind\"", "\"other\""),
    );
    let error = project.migrate(&["run"]).expect_err("another definition");
    assert!(error.contains("already has an index `by_kind`"), "{error}");
}

#[tokio::test]
async fn postgres_uses_the_index_for_ranges_and_orders() {
    let mut project = Project::new(Store::Jsonb).await;
    project.write("0001_users.indexes.toml", BY_USER);
    project.migrate(&["run"]).expect("run");
    let documents = project.documents().await;
    for thousand in 0..10 {
        let one = |n: u32| {
            let at = format!(
                "2026-01-{:02}T00:00:{:02}.{:03}Z",
                1 + n % 28,
                n % 60,
                n % 1_000
            );
            json!({"_id": n.to_string(), "user": format!("user-{}", n % 100), "at": {"$date": at}})
        };
        let list: Vec<_> = (thousand * 1_000..(thousand + 1) * 1_000)
            .map(|n| one(n).to_string())
            .collect();
        documents.insert("events", &list).await.expect("insert");
    }
    let mut connection = cluster::connect(&project.database).await;
    connection
        .execute("analyze documents.events")
        .await
        .expect("analyze");
    let query = Query {
        filter: r#"{"user":"user-7","at":{"$gte":{"$date":"2026-01-10T00:00:00Z"}}}"#.to_owned(),
        sort: vec![("at".to_owned(), Direction::Descending)],
        skip: 0,
        limit: 10,
    };
    let found = documents.find("events", &query).await.expect("find");
    assert_eq!(found.len(), 10);
    let used =
        "select idx_scan from pg_stat_user_indexes where indexrelname = 'events.by_user.order'";
    until("the index to be counted as used", async || {
        let row = sqlx::query(used).fetch_one(&mut connection).await;
        let scans: i64 = row.expect("the index").get(0);
        (scans > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_starts_while_another_builds_an_index() {
    let mut project = Project::new(Store::Jsonb).await;
    project.documents().await;
    project.write("0001_users.indexes.toml", BY_USER);
    // The build waits for this insert to end, and holds its locks meanwhile.
    let mut writer = cluster::connect(&project.database).await;
    let insert = "begin; insert into documents.events (id, body) values ('x', '{}')";
    writer.execute(insert).await.expect("insert");
    let project = &mut project;
    let mut build = project.command(&["run"]).spawn().expect("it runs");
    let mut admin = cluster::connect(&project.database).await;
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event_type = 'Lock' and query like 'create index %'";
    until("the build to wait", async || {
        let count = sqlx::query_scalar(waiting).fetch_one(&mut admin).await;
        (count.ok() == Some(1_i64)).then_some(())
    })
    .await;
    project.documents().await;
    writer.execute("rollback").await.expect("rollback");
    assert!(build.wait().expect("it ends").success());
}

#[tokio::test]
async fn invalid_index_declarations_are_rejected() {
    let project = Project::new(Store::Jsonb).await;
    for (text, parts) in [
        (BY_USER.replace("events", "users"), ["`test`", "`users`"]),
        (
            BY_USER.replace("\"user\"", "\"$where\""),
            ["`by_user`", "`$where`"],
        ),
        (
            BY_USER.replace("by_user", "By User"),
            ["By User", "lower-case"],
        ),
        (
            format!("{BY_USER}\nuniqe = true"),
            ["uniqe", "0001_users.indexes.toml"],
        ),
        (
            BY_USER.replace("\"user\", \"-at\"", ""),
            ["`by_user`", "1 to 8 fields"],
        ),
    ] {
        project.write("0001_users.indexes.toml", &text);
        let error = project.migrate(&["run"]).expect_err(&text);
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    project.write("0001_users.indexes.toml", BY_USER);
    project.write("0001_tables.up.sql", "create table t (id int)");
    let error = project.migrate(&["run"]).expect_err("one number twice");
    assert!(error.contains("number 1"), "{error}");
}
