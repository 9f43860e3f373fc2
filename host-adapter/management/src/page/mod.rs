//! The operators' page: rendered here, light enough to be read over a slow connection, and usable without
//! a script. The script only refreshes it.

mod assets;
mod charts;
mod format;
mod guard;
mod outbox;
mod overview;
mod system;
mod trace;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    middleware::{from_fn_with_state, map_response},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};

pub(crate) use charts::{INTERVAL, Samples};
pub use guard::Access;

use super::State;

/// Nothing from elsewhere, and no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of the page.
pub(crate) fn router(state: &Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/traces/{id}", get(trace::page))
        .route("/outbox", get(outbox::page))
        .route("/outbox/{component}/{id}/{change}", post(outbox::change))
        .route("/charts", get(charts::page))
        .route("/migrations", get(system::migrations))
        .route("/settings", get(system::settings))
        .route(assets::STYLE, get(assets::style))
        .route("/page.js", get(assets::script))
        .layer(from_fn_with_state(state.clone(), guard::check))
        .layer(map_response(with_headers))
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = HeaderValue::from_static;
    headers.insert(header::CONTENT_SECURITY_POLICY, fixed(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(fixed("no-store"));
    response
}

/// Renders a template.
fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!("a page cannot be rendered: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
    active: &'a str,
}

fn message(status: StatusCode, title: &str, text: &str) -> Response {
    let page = MessagePage {
        title,
        text,
        active: "",
    };
    (status, render(&page)).into_response()
}

/// The page of a process that does not serve yet.
fn starting() -> Response {
    let text = "The process is starting. Reload this page in a moment.";
    message(StatusCode::SERVICE_UNAVAILABLE, "Starting", text)
}
