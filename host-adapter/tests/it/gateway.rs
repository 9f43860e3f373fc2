//! Behaviour that services share: the index, health, routing and response headers.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{App, Builder, HostMode, copy, declared, peer::Peer, project};

/// Returns the index entry of a service.
async fn index_entry(app: &App, service: &str) -> Value {
    let index = app.get("/").send().await.expect(200).json();
    let services = index["data"]["services"].as_array().expect("services");
    let entry = services.iter().find(|entry| entry["name"] == service);
    entry.unwrap_or_else(|| panic!("{index}")).clone()
}

#[rstest]
#[tokio::test]
async fn the_index_lists_services_and_their_working_routes(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let index = app.get("/").send().await.expect(200).json();
    let services = index["data"]["services"]
        .as_array()
        .expect("services")
        .clone();
    let others = declared::components(&project()).len() - 1;
    assert_eq!(services.len(), others, "{index}");
    for service in services {
        assert!(service["version"].is_string(), "{service}");
        app.get(service["health"].as_str().expect("health"))
            .send()
            .await
            .expect(200);
        let routes = service["routes"].as_array().expect("routes");
        assert!(!routes.is_empty(), "{service}");
        for route in routes {
            let text = |key: &str| route[key].as_str().expect("text");
            let method = text("method").parse().expect("method");
            let answer = app.request(method, text("path")).send().await;
            assert!(
                !matches!(answer.status.as_u16(), 404 | 405),
                "{route}: {answer:?}"
            );
        }
    }
}

#[rstest]
#[tokio::test]
async fn the_index_shows_the_encryption_of_each_route(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let user = index_entry(&app, "user").await;
    let routes = user["routes"].as_array().expect("routes");
    for (method, path, encryption) in [
        ("POST", "/api/v1/users/register", "required"),
        ("POST", "/api/v1/users/login", "optional"),
        ("DELETE", "/api/v1/users/sessions/{id}", "optional"),
        ("GET", "/api/v1/users/activities", "required"),
        ("POST", "/api/v1/users/activities", "required"),
        ("GET", "/api/v1/users/stats/count", "public"),
    ] {
        let route = json!({ "method": method, "path": path, "encryption": encryption });
        assert!(routes.contains(&route), "{route}: {user}");
    }
}

#[rstest]
#[tokio::test]
async fn a_new_service_appears_in_index_and_health(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let project = copy::application();
    let routes = ["/api/v1/greetings/...", "/services/greeter/..."];
    copy::add_component(project.path(), "greeter", &routes);
    let builder = Builder::new(mode).project(project.path(), &["app"]);
    let app = builder.start().await;
    let path = "/api/v1/greetings";
    let expected = json!({
        "name": "greeter", "version": env!("CARGO_PKG_VERSION"),
        "health": "/services/greeter/health",
        "routes": [
            { "method": "GET", "path": path, "encryption": "public" },
            { "method": "POST", "path": path, "encryption": "required" },
        ],
    });
    assert_eq!(index_entry(&app, "greeter").await, expected);
    app.get(path).send().await.expect(200);
    let health = app.get("/health").send().await.expect(200).json();
    for service in ["greeter", "user", "analytics"] {
        assert_eq!(health["services"][service]["status"], "healthy", "{health}");
    }
}

#[rstest]
#[tokio::test]
async fn the_index_says_why_a_service_is_down(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let down = Peer::reserve();
    let builder = Builder::new(mode).env("SPINDLE_PEERS_ANALYTICS_URL", down.url());
    let app = builder.start().await;
    let analytics = index_entry(&app, "analytics").await;
    assert_eq!(analytics["version"], json!(null), "{analytics}");
    assert_eq!(analytics["routes"], json!([]), "{analytics}");
    assert!(analytics["reason"].is_string(), "{analytics}");
    let user = index_entry(&app, "user").await;
    assert!(user["version"].is_string(), "{user}");
}

#[rstest]
#[tokio::test]
async fn every_service_reports_its_health_on_its_own_listener(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    for (listener, service, dependency) in [
        ("user", "user", "postgres"),
        ("analytics", "analytics", "documents"),
    ] {
        let answer = app
            .request_to(listener, reqwest::Method::GET, "/health")
            .send()
            .await
            .expect(200);
        let health = answer.json();
        assert_eq!(health["service"], service);
        assert_eq!(health["status"], "healthy");
        assert!(
            health["version"].is_string() && health["timestamp"].is_string(),
            "{health}"
        );
        let dependency = &health["dependencies"][dependency];
        assert_eq!(dependency["status"], "up", "{health}");
        assert_eq!(dependency["needed"], true, "{health}");
        assert!(
            dependency["latency_ms"].is_number() && dependency["last_answered"].is_string(),
            "{health}"
        );
    }
    let health = app.get("/health").send().await.expect(200).json();
    assert_eq!(health["service"], "gateway");
    assert_eq!(health["services"]["user"]["status"], "healthy", "{health}");
    assert_eq!(
        health["services"]["analytics"]["status"], "healthy",
        "{health}"
    );
}

#[rstest]
#[tokio::test]
async fn a_listener_serves_only_the_routes_of_its_service(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let get = |listener, path| app.request_to(listener, reqwest::Method::GET, path).send();
    get("user", "/api/v1/users/stats/count").await.expect(200);
    get("user", "/api/v1/analytics/stats")
        .await
        .expect_problem(404, "not-found");
    get("analytics", "/api/v1/analytics/stats")
        .await
        .expect(200);
    get("analytics", "/api/v1/users/stats/count")
        .await
        .expect_problem(404, "not-found");
}

#[rstest]
#[tokio::test]
async fn every_answer_has_the_security_headers(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answers = [
        app.get("/").send().await.expect(200),
        app.get("/nowhere").send().await.expect(404),
        app.get("/api/v1/users/profile").send().await.expect(401),
        app.post("/api/v1/users/login")
            .json(&json!({}))
            .send()
            .await
            .expect(422),
    ];
    for answer in answers {
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{answer:?}"
        );
        assert_eq!(answer.header("x-frame-options"), "DENY", "{answer:?}");
        assert!(!answer.header("referrer-policy").is_empty(), "{answer:?}");
        answer
            .header("x-process-time")
            .parse::<f64>()
            .expect("seconds");
        uuid::Uuid::parse_str(answer.header("x-request-id")).expect("a fresh id");
        assert_eq!(
            answer.header("content-length"),
            answer.text.len().to_string(),
            "{answer:?}"
        );
        assert!(
            answer.headers.get("transfer-encoding").is_none(),
            "{answer:?}"
        );
        assert!(
            answer.headers.get("access-control-allow-origin").is_none(),
            "{answer:?}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn only_valid_request_ids_are_adopted(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = App::start(mode).await;
    let answer = app
        .get("/")
        .header("x-request-id", "order-17.a_B")
        .send()
        .await;
    assert_eq!(answer.header("x-request-id"), "order-17.a_B");
    for invalid in ["a b", "<script>", &"x".repeat(129)] {
        let answer = app.get("/").header("x-request-id", invalid).send().await;
        uuid::Uuid::parse_str(answer.header("x-request-id")).expect("a fresh id");
    }
}

#[rstest]
#[tokio::test]
async fn cors_allows_only_configured_origins(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let app = Builder::new(mode)
        .env("SPIN_VARIABLE_CORS_ORIGINS", "https://a.example")
        .start()
        .await;
    let ask = |origin: &'static str| {
        let request = app
            .request(reqwest::Method::OPTIONS, "/api/v1/users/login")
            .header("origin", origin);
        request
            .header("access-control-request-method", "POST")
            .send()
    };
    let answer = ask("https://a.example").await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://a.example"
    );
    let methods = answer.header("access-control-allow-methods");
    assert!(methods.contains("DELETE"), "{methods}");
    assert_eq!(
        ask("https://b.example")
            .await
            .header("access-control-allow-origin"),
        ""
    );
}
