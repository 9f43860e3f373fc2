//! The files of the page, which are part of the program.

use axum::{http::header, response::IntoResponse};

/// Where the style sheet is.
pub(super) const STYLE: &str = "/style.css";

pub(super) async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("../../assets/style.css"))
}

pub(super) async fn script() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, include_str!("../../assets/page.js"))
}
