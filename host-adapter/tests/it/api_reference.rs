//! The API reference: `/openapi.json`, its page, and the pages about problems.

use std::{collections::BTreeSet, path::Path};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, App, Builder, HostMode, copy, peer::Peer, project};

async fn reference(app: &App) -> Value {
    app.get("/openapi.json").send().await.expect(200).json()
}

#[rstest]
#[tokio::test]
async fn the_reference_describes_every_route_in_the_index(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let reference = reference(&app).await;
    assert_eq!(reference["openapi"], "3.1.0");
    assert_eq!(reference["x-missing"], json!(null), "{reference}");
    let index = app.get("/").send().await.expect(200).json();
    for service in index["data"]["services"].as_array().expect("services") {
        for route in service["routes"].as_array().expect("routes") {
            let path = route["path"].as_str().expect("a path");
            let method = route["method"].as_str().expect("a method").to_lowercase();
            let operation = &reference["paths"][path][method];
            assert!(operation["operationId"].is_string(), "{route}: {operation}");
        }
    }
    // The gateway's own health, and not that of a service.
    let health = &reference["paths"]["/health"]["get"]["operationId"];
    assert_eq!(health, "gateway_health_of_all");
}

#[rstest]
#[tokio::test]
async fn every_service_serves_its_committed_document(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for (listener, service) in [("user", "user"), ("analytics", "analytics")] {
        let file = project().join(format!("components/{service}/openapi.json"));
        let path = format!("/services/{service}/openapi.json");
        let answer = app.request_to(listener, Method::GET, &path).send().await;
        let committed = std::fs::read_to_string(file).expect("a file");
        assert_eq!(answer.expect(200).text, committed);
    }
}

#[rstest]
#[tokio::test]
async fn a_new_service_appears_in_reference_and_problems(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let project = copy::application();
    let routes = ["/api/v1/greetings/...", "/services/greeter/..."];
    copy::add_component(project.path(), "greeter", &routes);
    let app = Builder::new(mode)
        .project(project.path(), &["app"])
        .start()
        .await;
    let reference = reference(&app).await;
    let answers = &reference["paths"]["/api/v1/greetings"]["get"]["responses"];
    // A part that the greeter describes differently has a name of its own.
    let own = "greeter.overloaded.unavailable";
    let expected = json!({"418": {"$ref": format!("#/components/responses/{own}")}});
    assert_eq!(*answers, expected);
    assert!(reference["components"]["responses"][own].is_object());
    let page = app.get("/docs").send().await.expect(200);
    assert!(page.text.contains("greeter_greet"), "{page:?}");
    let page = app.get("/problems/no-greeting").send().await.expect(200);
    assert!(page.text.contains("There is none."), "{page:?}");
}

#[rstest]
#[tokio::test]
async fn the_reference_says_which_service_is_down(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let down = Peer::reserve();
    let builder = Builder::new(mode).env("SPINDLE_PEERS_ANALYTICS_URL", down.url());
    let app = builder.start().await;
    let reference = reference(&app).await;
    assert_eq!(reference["x-missing"][0]["service"], "analytics");
    assert!(reference["paths"]["/api/v1/users/profile"].is_object());
    assert!(reference["paths"]["/api/v1/analytics/stats"].is_null());
    let page = app.get("/docs").send().await.expect(200);
    assert!(
        page.text.contains("analytics</strong> is missing here"),
        "{page:?}"
    );
    // It might be a problem of the service that is down.
    let unknown = app.get("/problems/too-many-events").send().await;
    unknown.expect_problem(503, "unavailable");
    app.get("/problems/username-taken").send().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn every_kind_of_problem_has_a_page(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let mut names = names_of_services();
    names.extend(adapter_component_host::PROBLEMS.map(str::to_owned));
    assert!(
        names.contains("email-taken") && names.contains("timeout"),
        "{names:?}"
    );
    let list = app.get("/problems").send().await.expect(200);
    for name in names {
        let path = format!("/problems/{name}");
        let page = app
            .get(&path)
            .header("accept", "text/html")
            .send()
            .await
            .expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.text.contains("What a client should do"), "{page:?}");
        let data = app
            .get(&path)
            .header("accept", "application/json")
            .send()
            .await;
        let data = data.expect(200).json();
        assert_eq!(data["data"]["name"], name.as_str(), "{data}");
        assert!(list.text.contains(&path), "{path}: {list:?}");
    }
    let unknown = app.get("/problems/unheard-of").send().await;
    unknown.expect_problem(404, "not-found");
}

#[rstest]
#[tokio::test]
async fn pages_run_no_script_and_load_only_their_style(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for path in ["/docs", "/problems", "/problems/not-found"] {
        let page = app.get(path).send().await.expect(200);
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';"),
            "{policy}"
        );
        for forbidden in ["<script", "<style", "style=\"", "http://", "https://"] {
            assert!(!page.text.contains(forbidden), "{forbidden} in {path}");
        }
        let style = app.get(&style_path(&page)).send().await.expect(200);
        assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
        assert!(
            style.header("cache-control").contains("immutable"),
            "{style:?}"
        );
    }
    app.get("/docs/style-0000000000000000")
        .send()
        .await
        .expect_problem(404, "not-found");
}

fn style_path(page: &Answer) -> String {
    let (_, rest) = page
        .text
        .split_once("rel=\"stylesheet\" href=\"")
        .expect("a style");
    rest.split('"').next().expect("a path").to_owned()
}

/// The names in `kind!(…)` of every component, and those that service-kit gives to all.
fn names_of_services() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect_names(&project().join("components"), &mut names);
    names
}

fn collect_names(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.ends_with("service-kit") {
            // It defines the macro.
        } else if path.is_dir() {
            collect_names(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file");
            // The example in the documentation is not a kind.
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let code: String = code.collect();
            let calls = code.split("kind!(").skip(1);
            names.extend(calls.filter_map(|call| Some(call.split('"').nth(1)?.to_owned())));
        }
    }
}
