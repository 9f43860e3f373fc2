//! Cross-origin requests, which the variable `cors_origins` allows for some origins.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::headers::{
    IDEMPOTENCY_KEY, X_ACCESS_TOKEN, X_ENCRYPT_RESPONSE, X_PROCESS_TIME, X_REQUEST_ID,
    X_SERVICE_COMMUNICATION,
};

/// How long a browser may cache a preflight answer. An origin that is removed stays allowed until then.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The methods that routes can have.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// None when no origin is allowed, so that such a service pays nothing for it.
///
/// Credentials are allowed for listed origins only, because browsers forbid them with `*`.
pub(crate) fn layer(origins: &str) -> Option<CorsLayer> {
    let listed: Vec<&str> = origins
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .collect();
    if listed.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_methods(METHODS)
        .allow_headers(request_headers())
        .expose_headers([
            X_REQUEST_ID,
            X_PROCESS_TIME,
            X_SERVICE_COMMUNICATION,
            RETRY_AFTER,
        ])
        .max_age(MAX_AGE);
    Some(if listed.contains(&"*") {
        layer.allow_origin(tower_http::cors::Any)
    } else {
        layer
            .allow_origin(AllowOrigin::list(valid(&listed)))
            .allow_credentials(true)
    })
}

fn request_headers() -> [HeaderName; 7] {
    [
        AUTHORIZATION,
        CONTENT_TYPE,
        IDEMPOTENCY_KEY,
        X_ACCESS_TOKEN,
        X_ENCRYPT_RESPONSE,
        X_REQUEST_ID,
        X_SERVICE_COMMUNICATION,
    ]
}

/// Converts origins to header values. Browsers send an origin without a trailing slash, but people
/// often write one.
fn valid(origins: &[&str]) -> Vec<HeaderValue> {
    let mut values = Vec::new();
    for origin in origins {
        match HeaderValue::from_str(origin.trim_end_matches('/')) {
            Ok(value) => values.push(value),
            Err(_) => tracing::error!(origin, "`cors_origins` contains an invalid origin"),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_origins_need_no_layer() {
        assert!(layer("").is_none());
        assert!(layer(" , ").is_none());
        assert!(layer("https://a.example").is_some());
        assert!(layer("*").is_some());
    }

    #[test]
    fn a_trailing_slash_is_not_part_of_an_origin() {
        assert_eq!(valid(&["https://a.example/"]), ["https://a.example"]);
    }
}
