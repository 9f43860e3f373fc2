//! `/metrics`, for Prometheus.

use adapter_telemetry::metrics::{CONTENT_TYPE, encode};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

pub(super) async fn metrics() -> Response {
    match encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!("the metrics cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
