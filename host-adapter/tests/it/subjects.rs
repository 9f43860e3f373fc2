//! What is to be done for the subject of a token is done only if the token is valid, on both ways.

use rstest::rstest;
use sqlx::Executor as _;
use tempfile::TempDir;

use crate::support::{App, Builder, HostMode, wasm};

const SETTINGS: &str = "[components.hostile]\npostgres = true\ncollections = [\"notes\"]\n\
     tokens = [\"issue\", \"verify\"]\n";

const SUBJECT: &str = "018f4e9a-7b1c-7def-8000-000000000001";

/// The guest `hostile`, which calls the functions that a test names.
async fn start(mode: HostMode) -> (App, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"hostile\"\n\
         [[trigger.http]]\nroute = \"/hostile/...\"\ncomponent = \"hostile\"\n\
         [component.hostile]\nsource = \"{}\"\n",
        wasm("hostile").display()
    );
    let write =
        |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("write");
    write("adapter.toml", SETTINGS);
    write("spin.toml", &manifest);
    let app = Builder::new(mode).project(directory.path(), &["app"]);
    let app = app.start().await;
    let table = "create table hostile.items (name uuid); grant all on hostile.items to public";
    let mut admin = app.admin_connection().await;
    admin.execute(table).await.expect("a table");
    (app, directory)
}

async fn call(app: &App, what: &str, with: &str) -> String {
    let request = app.post(&format!("/hostile/{what}")).text(with);
    request.send().await.expect(200).text
}

/// A token, as the guest prints the answer of `tokens.issue`.
async fn issue(app: &App, subject: &str) -> String {
    let answer = call(app, "issue", subject).await;
    let token = answer.split('"').nth(1);
    token.expect("a token").to_owned()
}

async fn items(app: &App) -> i64 {
    let mut admin = app.admin_connection().await;
    let count = sqlx::query_scalar("select count(*) from hostile.items");
    count.fetch_one(&mut admin).await.expect("a count")
}

#[rstest]
#[tokio::test]
async fn a_statement_runs_for_the_subject_of_a_valid_token(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    const INSERT: &str = "insert into items values ($1) returning name";
    let (app, _project) = start(mode).await;
    let forged = issue(&app, SUBJECT).await + "x";
    for token in ["x", &forged, &issue(&app, "someone").await] {
        let answer = call(&app, &format!("subject/{token}"), INSERT).await;
        assert!(answer.contains("Token(Error::Invalid)"), "{answer}");
    }
    assert_eq!(items(&app).await, 0);
    let token = issue(&app, SUBJECT).await;
    let answer = call(&app, &format!("subject/{token}"), INSERT).await;
    assert!(answer.starts_with("Ok"), "{answer}");
    assert_eq!(answer.matches(SUBJECT).count(), 2, "{answer}");
    assert_eq!(items(&app).await, 1);
    let answer = call(&app, &format!("subject/{token}"), "select $2::text").await;
    assert!(answer.contains("Statement(Error::Invalid"), "{answer}");
}

#[rstest]
#[tokio::test]
async fn a_document_is_stored_for_the_subject_of_a_valid_token(
    #[values(HostMode::Embedded, HostMode::Composed, HostMode::MongoDb)] mode: HostMode,
) {
    const NOTE: &str = r#"notes {"_id":"1","by":{"$subject":true},"n":1}"#;
    let (app, _project) = start(mode).await;
    let store = async |token: &str, text: &str| call(&app, &format!("store/{token}"), text).await;
    let token = issue(&app, "ada").await;
    for rejected in ["x", &format!("{token}x")] {
        let answer = store(rejected, NOTE).await;
        assert!(answer.contains("Token(Error::Invalid)"), "{answer}");
    }
    let answer = store(&token, &NOTE.replace("notes", "others")).await;
    assert!(answer.contains("Document(Error::Denied"), "{answer}");
    let answer = store(&token, r#"notes {"_id":"1","by":{"of":{"$subject":true}}}"#).await;
    assert!(answer.contains("Document(Error::Invalid"), "{answer}");
    assert_eq!(call(&app, "count/notes", "{}").await, "Ok(0)");
    for (outcome, found) in [("Inserted", 1), ("Duplicate", 1)] {
        let answer = store(&token, NOTE).await;
        assert_eq!(answer, format!("Ok([InsertOutcome::{outcome}])"));
        let count = call(&app, "count/notes", r#"{"by":"ada"}"#).await;
        assert_eq!(count, format!("Ok({found})"));
    }
}
