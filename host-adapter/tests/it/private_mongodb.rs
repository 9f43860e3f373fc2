//! `up --mongodb` without `MONGODB_URL`, which starts the machine's `mongod`.

use std::path::Path;

use crate::support::{App, Builder, HostMode, copy, mongodb::mongod, until};

/// Returns the `PATH` of this process, with the directory of a `mongod` in front.
fn path_with_mongod() -> String {
    let directory = mongod().parent().expect("a directory").to_owned();
    let path = std::env::var("PATH").expect("a path");
    format!("{}:{path}", directory.display())
}

async fn start(project: &Path) -> App {
    let builder = Builder::new(HostMode::Embedded).project(project, &["app"]);
    let builder = builder
        .argument("--mongodb")
        .env("PATH", path_with_mongod());
    builder.start().await
}

#[tokio::test]
async fn documents_survive_a_restart_of_a_private_mongod() {
    let project = copy::application();
    let app = start(project.path()).await;
    // The server has just started, and answers slowly on a busy machine.
    let health = until("the health", async || {
        let health = app.get("/services/analytics/health").send().await;
        (health.status == 200).then(|| health.json())
    })
    .await;
    let documents = &health["dependencies"]["documents"];
    assert_eq!(documents["kind"], "mongodb", "{health}");
    app.register_and_log_in("ada").await;
    app.wait_for_statistics(2).await;
    let (code, _) = app.stop().await;
    assert_eq!(code, Some(0));
    // The second start succeeds only if the first server has ended and released its files.
    let again = start(project.path()).await;
    again.wait_for_statistics(2).await;
}
