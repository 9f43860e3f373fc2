//! Who may see the page.
//!
//! On loopback every user of the machine may, except in production, which requires a token. A page of
//! another origin may not, even if its name resolves to this address (DNS rebinding).

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State as Extract},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::{assets::STYLE, message};
use crate::State;

/// The cookie with the token.
const COOKIE: &str = "spindle-management";

/// The query with the token, for the first visit.
const QUERY: &str = "token=";

/// What a visitor must present.
#[derive(Debug, Clone)]
pub enum Access {
    /// Nothing.
    Open,
    /// This token.
    Token(SecretString),
    /// The page is not served. This is the default in production.
    Closed,
}

pub(super) async fn check(
    Extract(state): Extract<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    if !is_own_host(request.headers()) {
        let text = "Open this page by its address or as `localhost`.";
        return message(StatusCode::MISDIRECTED_REQUEST, "Unknown host", text);
    }
    if request.method() == Method::POST && !is_same_origin(request.headers()) {
        let text = "Another site has sent this form.";
        return message(StatusCode::FORBIDDEN, "Forbidden", text);
    }
    match &state.access() {
        Access::Open => next.run(request).await,
        // A page that rejects a visitor needs it, too.
        _ if request.uri().path() == STYLE => next.run(request).await,
        Access::Closed => {
            let text = "In production this page needs a token: set `MANAGEMENT_TOKEN` or `MANAGEMENT_TOKEN_FILE`.";
            message(StatusCode::FORBIDDEN, "Closed", text)
        }
        Access::Token(token) => with_token(token, request, next).await,
    }
}

async fn with_token(token: &SecretString, request: Request, next: Next) -> Response {
    if presented(request.headers()).is_some_and(|given| is_equal(given, token)) {
        return next.run(request).await;
    }
    let query = request.uri().query().unwrap_or_default();
    if query
        .strip_prefix(QUERY)
        .is_some_and(|given| is_equal(given, token))
    {
        // The cookie replaces the query, which browsers and proxies write down.
        let cookie = format!(
            "{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/",
            token.expose_secret()
        );
        return (
            [(header::SET_COOKIE, cookie)],
            Redirect::to(request.uri().path()),
        )
            .into_response();
    }
    let text = "Open this page once with `?token=` and the value of `MANAGEMENT_TOKEN`.";
    message(StatusCode::UNAUTHORIZED, "Token required", text)
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name)?.to_str().ok();
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| {
        let mut cookies = text(header::COOKIE)?.split("; ");
        cookies.find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
    })
}

fn is_equal(given: &str, token: &SecretString) -> bool {
    given
        .as_bytes()
        .ct_eq(token.expose_secret().as_bytes())
        .into()
}

/// Whether `Host` is an address or `localhost`. A name that an attacker controls is neither.
fn is_own_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok()
}

/// Whether a form comes from this page. Browsers send `Origin` with every POST.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else {
        return false;
    };
    origin
        .split_once("://")
        .is_some_and(|(_, origin)| origin == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(header::HeaderName, &str)| {
            (name.clone(), value.parse().expect("a header"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_addresses_and_localhost_are_own_hosts() {
        let is_own = |host: &str| is_own_host(&headers(&[(header::HOST, host)]));
        for host in [
            "localhost",
            "localhost:9001",
            "127.0.0.1:9001",
            "[::1]:9001",
            "10.0.0.7",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9001",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_own(host), "{host}");
        }
    }

    #[test]
    fn forms_of_other_origins_are_rejected() {
        let host = (header::HOST, "localhost:9001");
        let is_same = |origin| is_same_origin(&headers(&[host.clone(), (header::ORIGIN, origin)]));
        assert!(is_same("http://localhost:9001"));
        assert!(!is_same("http://localhost:3000"));
        assert!(!is_same("http://evil.example"));
        assert!(!is_same("null"));
        assert!(!is_same_origin(&headers(std::slice::from_ref(&host))));
    }

    #[test]
    fn the_token_is_read_from_header_or_cookie() {
        let cookie = headers(&[(header::COOKIE, "a=b; spindle-management=secret")]);
        assert_eq!(presented(&cookie), Some("secret"));
        let bearer = headers(&[(header::AUTHORIZATION, "Bearer secret")]);
        assert_eq!(presented(&bearer), Some("secret"));
        assert_eq!(presented(&HeaderMap::new()), None);
    }
}
