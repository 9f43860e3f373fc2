//! Cross-origin headers of the host's own answers, so that a page can read why its request failed.
//!
//! A component adds them to its answers itself, by the same variable.

use http::{HeaderMap, HeaderValue, header};

/// The variable of manifests with the allowed origins, as in service-kit.
const VARIABLE: &str = "cors_origins";

/// What a page may read beyond the headers that are always readable, as in service-kit.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("x-request-id,x-process-time,x-service-communication,retry-after");

/// The origins whose pages may read answers (Fetch Standard, section 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cors {
    any: bool,
    listed: Vec<String>,
}

impl Cors {
    /// Reads the origins from the variables that `find` looks up: separated by commas, `*` for any.
    pub(super) fn new<'v>(find: impl Fn(&str) -> Option<&'v String>) -> Self {
        let origins = find(VARIABLE).map_or("", String::as_str).split(',');
        let origins = origins.map(|origin| origin.trim().trim_end_matches('/'));
        let listed: Vec<String> = origins
            .filter(|origin| !origin.is_empty())
            .map(str::to_owned)
            .collect();
        Self {
            any: listed.iter().any(|origin| origin == "*"),
            listed,
        }
    }

    /// Adds the headers for a request from `origin`.
    pub(super) fn add(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.listed.is_empty() {
            return;
        }
        // Caches must not give one origin's answer to another.
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if self.any {
            let any = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        } else if let Some(origin) = origin.filter(|origin| self.lists(origin)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let allowed = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
        } else {
            return;
        }
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    fn lists(&self, origin: &HeaderValue) -> bool {
        let mut listed = self.listed.iter();
        listed.any(|listed| listed.as_bytes() == origin.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &str, origin: &'static str) -> Option<String> {
        let cors = Cors::new(|_| None::<&String>);
        assert_eq!(cors, Cors::default());
        let origins = origins.to_owned();
        let mut headers = HeaderMap::new();
        let origin = HeaderValue::from_static(origin);
        Cors::new(|_| Some(&origins)).add(Some(&origin), &mut headers);
        let value = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        assert!(headers.contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS));
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_listed_origins_may_read_an_answer() {
        let origin = "https://a.example";
        assert_eq!(
            allowed(" https://a.example/, https://b.example", origin).unwrap(),
            origin
        );
        assert_eq!(allowed("*", origin).unwrap(), "*");
        assert_eq!(allowed("https://b.example", origin), None);
        assert_eq!(allowed("", origin), None);
    }
}
