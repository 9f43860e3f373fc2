//! The id that connects the log lines of all services about one request.

use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::headers::X_REQUEST_ID;

/// Maximum length of an id. Longer ids would let a client fill the logs.
const MAX_LENGTH: usize = 128;

/// Returns the client's id if it is valid, and otherwise a new UUID of version 7.
pub(crate) fn of(headers: &HeaderMap) -> HeaderValue {
    accepted(headers).unwrap_or_else(fresh)
}

fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(X_REQUEST_ID)?;
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let fits = (1..=MAX_LENGTH).contains(&value.len());
    (fits && value.as_bytes().iter().all(allowed)).then(|| value.clone())
}

fn fresh() -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn is_accepted(id: &str) -> bool {
        let value = HeaderValue::from_str(id).unwrap();
        accepted(&HeaderMap::from_iter([(X_REQUEST_ID, value)])).is_some()
    }

    #[test]
    fn a_clean_id_is_taken_over_and_any_other_is_not() {
        assert!(is_accepted("a"));
        assert!(is_accepted("Trace_1.2-3"));
        assert!(is_accepted(&"x".repeat(128)));
        assert!(!is_accepted(""));
        assert!(!is_accepted(&"x".repeat(129)));
        assert!(!is_accepted("a b"));
        assert!(!is_accepted("a\"}"));
    }

    #[test]
    fn fresh_ids_are_uuids_of_version_7_and_all_different() {
        let ids: HashSet<HeaderValue> = (0..10_000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids.iter().take(10) {
            let id = Uuid::parse_str(id.to_str().unwrap()).unwrap();
            assert_eq!(id.get_version_num(), 7);
        }
    }
}
