//! A service, and the path that each of its requests takes.
//!
//! A component instance serves thousands of requests, several at once on one thread. Settings, router
//! and logger are therefore created at the first request and kept.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use spin_sdk::wasip3::http::types;
use tower_service::Service as _;

use crate::answer::JsonText;
use crate::description::{Description, health_path, openapi_path, routes_path};
use crate::exchange::{self, Exchange};
use crate::routing::{Routes, get};
use crate::settings::Settings;
use crate::{Answer, Production, cors, entry, health, log, response_headers, settings};

/// A service: its name, its version and its routes.
#[derive(Debug)]
pub struct Service {
    /// The component's name in the manifests and in the adapter's configuration, such as `user`. Other
    /// services call this one by its name.
    pub name: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// What the service is for, as sentences for clients.
    pub description: &'static str,
    /// The text of `openapi.json` in the component's folder, which [`crate::openapi::check`] keeps.
    pub openapi: &'static str,
    /// Adds the service's routes. [`serve`] adds those of [`crate::description`], and `/health` if the
    /// service does not define it.
    pub routes: fn(Routes) -> Routes,
}

/// Makes a component of a crate: a service with the crate's name, version and description, and the routes
/// that the function `routes` adds. A test compares `openapi.json` beside `Cargo.toml` with them.
///
/// The crate depends on `spin-sdk`, and its `crate-type` is `cdylib`. The entry point is exported in the
/// `.wasm` only: a native linker does not accept its name, and unit tests run natively.
#[macro_export]
macro_rules! service {
    ($routes:path) => {
        static SERVICE: $crate::Service = $crate::Service {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            description: env!("CARGO_PKG_DESCRIPTION"),
            openapi: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")),
            routes: $routes,
        };

        /// The component's export.
        pub mod component {
            use ::spin_sdk::wasip3::{exports, http::types};

            /// Answers each request.
            #[derive(Debug)]
            pub struct Component;

            #[cfg(target_family = "wasm")]
            ::spin_sdk::wasip3::http::service::export!(Component);

            impl exports::http::handler::Guest for Component {
                async fn handle(
                    request: types::Request,
                ) -> Result<types::Response, types::ErrorCode> {
                    $crate::serve(&super::SERVICE, request).await
                }
            }
        }

        #[cfg(test)]
        mod api_reference {
            #[test]
            fn it_describes_the_routes() {
                $crate::openapi::check(&super::SERVICE, env!("CARGO_MANIFEST_DIR")).unwrap();
            }
        }
    };
}

/// What the first request of an instance makes for all that follow.
#[derive(Clone)]
struct Instance {
    router: Router,
    production: Production,
}

thread_local! {
    static INSTANCE: OnceCell<Instance> = const { OnceCell::new() };
}

/// Answer one request. [`crate::service!`] calls it from the component's entry point.
///
/// # Errors
/// The request cannot be read.
pub async fn serve(
    service: &'static Service,
    request: types::Request,
) -> Result<types::Response, types::ErrorCode> {
    let started = Instant::now();
    let instance = instance(service).await;
    let request = entry::receive(request)?;
    entry::respond(respond(service, instance, started, request).await).await
}

/// Reads the variables once per instance, because each costs a call to the host.
async fn instance(service: &'static Service) -> Instance {
    if let Some(instance) = INSTANCE.with(|cell| cell.get().cloned()) {
        return instance;
    }
    log::install(service.name, &settings::log_level().await);
    let settings = Settings::read().await;
    settings::pause_after_reading().await;
    // Concurrent requests may get here too. The instance of the first one is kept.
    INSTANCE.with(|cell| cell.get_or_init(|| build(service, &settings)).clone())
}

/// Every route of a service.
pub(crate) fn routes(service: &Service, production: bool) -> Routes {
    with_standard_routes(service, (service.routes)(Routes::new(production)))
}

fn build(service: &Service, settings: &Settings) -> Instance {
    let router = routes(service, settings.production).into_router();
    let router = match cors::layer(&settings.cors_origins) {
        Some(layer) => router.layer(layer),
        None => router,
    };
    Instance {
        router,
        production: Production(settings.production),
    }
}

/// Adds the routes of every service: its health and its description. The gateway defines `/health`
/// itself, because it answers there with the health of all services.
fn with_standard_routes(service: &Service, routes: Routes) -> Routes {
    const HEALTH: &str = "/health";
    let has_health = routes.described().iter().any(|route| route.path == HEALTH);
    let description = Description {
        name: service.name.to_owned(),
        version: service.version.to_owned(),
        routes: routes.described().to_vec(),
    };
    let describe = move || std::future::ready(Answer::ok("Routes", description));
    let document = JsonText(service.openapi);
    let document = move || std::future::ready(document);
    let health = || {
        get(health::handler).about("Reports the health of the service and of what it depends on.")
    };
    let routes = routes
        .unlisted(&health_path(service.name), health())
        .unlisted(
            &routes_path(service.name),
            get(describe)
                .named("routes")
                .about("Lists the routes of the service."),
        )
        .unlisted(
            &openapi_path(service.name),
            get(document)
                .named("openapi")
                .about("The API reference of the service, as OpenAPI 3.1."),
        );
    if has_health {
        routes
    } else {
        routes.unlisted(HEALTH, health())
    }
}

async fn respond(
    service: &'static Service,
    mut instance: Instance,
    started: Instant,
    mut request: Request,
) -> Response {
    request.extensions_mut().insert(instance.production);
    let exchange = Rc::new(Exchange::new(service.name, service.version, &request));
    let answer = exchange::scope(Rc::clone(&exchange), async move {
        let Ok(mut response) = instance.router.call(request).await;
        let elapsed = started.elapsed();
        response_headers::add(&mut response, &exchange, elapsed);
        tracing::debug!(
            method = %exchange.method,
            path = exchange.uri.path(),
            status = response.status().as_u16(),
            duration_us = elapsed.as_micros() as u64,
            "answered a request"
        );
        response
    });
    answer.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block_on;
    use crate::problem::kinds;
    use crate::routing::{delete, patch, post, put};
    use crate::{Input, Problem, input};
    use axum::body::Body;
    use axum::http::Method;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    #[derive(input::FromFields)]
    struct Name {
        #[rule(input::rules::text(1, 9))]
        name: String,
    }

    async fn greet(Input(body): Input<Name>) -> crate::Answer<String> {
        crate::Answer::ok("Hello", body.name)
    }

    static SERVICE: Service = Service {
        name: "test",
        version: "0",
        description: "A test.",
        openapi: "{}",
        routes: |routes| {
            routes
                .public("/fixed", get(async || "fixed"))
                .public("/broken", get(async || Problem::of(&kinds::INTERNAL)))
                .required("/greet", post(greet).merge(delete(async || "gone")))
                .public("/public", put(greet).merge(patch(greet)))
        },
    };

    /// A `POST` of `body` as JSON, or else a request of another method without a body.
    fn answer(method: Method, path: &str, body: &str, production: bool, origins: &str) -> Response {
        let settings = Settings {
            production,
            cors_origins: origins.to_owned(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let instance = build(&SERVICE, &settings);
        block_on(respond(&SERVICE, instance, Instant::now(), request))
    }

    fn plain(method: Method, path: &str, body: &str) -> Response {
        answer(method, path, body, false, "")
    }

    fn json_of(response: Response) -> Value {
        let bytes = block_on(response.into_body().collect()).unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn every_answer_has_its_length_its_id_and_its_time() {
        for (method, path, length) in [
            (Method::GET, "/fixed?q=1", Some("5")),
            (Method::HEAD, "/fixed", Some("5")),
            (Method::GET, "/broken", None),
            (Method::GET, "/nowhere", None),
            (Method::DELETE, "/fixed", None),
        ] {
            let response = plain(method, path, "");
            let headers = response.headers();
            let found = headers.get("content-length").unwrap();
            assert!(length.is_none_or(|length| found == length), "{path}");
            for name in ["x-request-id", "x-process-time", "x-frame-options"] {
                assert!(headers.contains_key(name), "{name} of {path}");
            }
        }
    }

    #[test]
    fn problems_for_unknown_paths_and_methods_name_the_path() {
        let response = plain(Method::GET, "/nowhere?q=1", "");
        assert_eq!(response.status(), 404);
        assert_eq!(json_of(response)["instance"], "/nowhere");
        let response = plain(Method::POST, "/fixed", "{}");
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        assert_eq!(json_of(response)["type"], "/problems/method-not-allowed");
    }

    #[test]
    fn a_service_describes_its_own_routes() {
        let answer = json_of(plain(Method::GET, "/services/test/routes", ""));
        let route = |method: &str, path: &str, encryption: &str| json!({"method": method, "path": path, "encryption": encryption});
        let expected = json!({"name": "test", "version": "0", "routes": [
            route("GET", "/fixed", "public"),
            route("GET", "/broken", "public"),
            route("POST", "/greet", "required"),
            route("DELETE", "/greet", "required"),
            route("PUT", "/public", "public"),
            route("PATCH", "/public", "public"),
        ]});
        assert_eq!(answer["data"], expected);
    }

    #[test]
    fn a_handler_gets_what_the_document_says() {
        let response = plain(Method::POST, "/greet", r#"{"name": "ada"}"#);
        assert_eq!(
            json_of(response),
            json!({"success": true, "message": "Hello", "data": "ada"})
        );
        assert_eq!(plain(Method::POST, "/greet", "{").status(), 400);
        assert_eq!(plain(Method::POST, "/greet", "{}").status(), 422);
    }

    #[test]
    fn a_public_route_reads_its_body() {
        for method in [Method::PUT, Method::PATCH] {
            let response = answer(method.clone(), "/public", r#"{"name": "ada"}"#, true, "");
            assert_eq!(json_of(response)["data"], "ada");
            assert_eq!(plain(method, "/public", "{").status(), 400);
        }
        assert_eq!(plain(Method::POST, "/public", "{}").status(), 405);
    }

    #[test]
    fn required_encryption_holds_in_production_only() {
        let body = r#"{"name": "ada"}"#;
        let response = answer(Method::POST, "/greet", body, true, "");
        assert_eq!(response.status(), 400);
        assert_eq!(json_of(response)["type"], "/problems/encryption-required");
    }

    #[test]
    fn only_listed_origins_are_allowed_and_preflights_have_a_length() {
        let allowed = |origins| {
            let response = answer(Method::OPTIONS, "/fixed", "", true, origins);
            let headers = response.headers();
            assert!(headers.contains_key("content-length"));
            headers.get("access-control-allow-origin").cloned()
        };
        assert_eq!(allowed("https://a.example").unwrap(), "https://a.example");
        assert_eq!(allowed("*").unwrap(), "*");
        assert_eq!(allowed("https://b.example"), None);
        assert_eq!(allowed(""), None);
    }
}
