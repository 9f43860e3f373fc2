//! Headers that every response carries.

use std::time::Duration;

use axum::body::HttpBody as _;
use axum::http::header::{
    CONTENT_LENGTH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::exchange::Exchange;
use crate::headers::{X_PROCESS_TIME, X_REQUEST_ID, X_SPINDLE_ROUTE};

pub(crate) fn add(response: &mut Response, exchange: &Exchange, elapsed: Duration) {
    add_length(response);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, exchange.request_id.clone());
    headers.insert(X_PROCESS_TIME, seconds(elapsed));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(route) = exchange.route.get()
        && let Ok(route) = HeaderValue::from_str(route.as_str())
    {
        response.headers_mut().insert(X_SPINDLE_ROUTE, route);
    }
}

/// Without a length, the body is chunked. Spin sends the last chunk of such a body only after the
/// client's delayed acknowledgement, about 40 ms later.
fn add_length(response: &mut Response) {
    // RFC 9110, section 8.6, forbids `Content-Length` in a 204 response.
    let bodiless = response.status() == StatusCode::NO_CONTENT;
    if bodiless || response.headers().contains_key(CONTENT_LENGTH) {
        return;
    }
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
}

fn seconds(elapsed: Duration) -> HeaderValue {
    let text = format!("{}.{:06}", elapsed.as_secs(), elapsed.subsec_micros());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("0.000000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_time_has_six_decimals() {
        assert_eq!(seconds(Duration::from_micros(1_000_042)), "1.000042");
        assert_eq!(seconds(Duration::ZERO), "0.000000");
    }
}
