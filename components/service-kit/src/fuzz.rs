//! Properties of what is read of requests, for any input.

use axum::extract::FromRequestParts;
use axum::http::{HeaderName, HeaderValue, Request, Uri};
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::Value;

use crate::idempotency::PATTERN;
use crate::input::{FromFields, query, rules};
use crate::local::block_on;
use crate::page::PageRequest;
use crate::{Client, IdempotencyKey, body};

#[derive(Debug, FromFields)]
struct Search {
    #[rule(rules::text(1, 9))]
    text: Option<String>,
    #[rule(rules::decimal(1..=100))]
    limit: Option<u32>,
}

fn uri(query: &str) -> Option<Uri> {
    format!("/search?{query}").parse().ok()
}

/// An extractor's result for a request with one header.
fn extract<T: FromRequestParts<()>>(name: &'static str, value: &[u8]) -> Option<T> {
    let value = HeaderValue::from_bytes(value).ok()?;
    let mut request = Request::new(());
    let name = HeaderName::from_static(name);
    request.headers_mut().insert(name, value);
    block_on(T::from_request_parts(&mut request.into_parts().0, &())).ok()
}

fn is_key(value: &[u8]) -> bool {
    let key = extract::<IdempotencyKey>("idempotency-key", value);
    key.is_some_and(|key| matches!(key.text(), Ok(Some(_))))
}

proptest! {
    #[test]
    fn any_query_string_is_read_or_refused(
        query in prop_oneof!["[a-z=&%+0-9]{0,60}", "(text|limit|cursor)=[!-~]{0,40}(&(text|limit)=[!-~]{0,12})?"],
    ) {
        let Some(uri) = uri(&query) else { return Ok(()) };
        match query::read::<Search>(&uri) {
            Ok(search) => {
                prop_assert!(search.text.is_none_or(|text| (1..=9).contains(&text.chars().count())));
                prop_assert!(search.limit.is_none_or(|limit| (1..=100).contains(&limit)));
            }
            Err(problem) => prop_assert_eq!(problem.status(), 422),
        }
        if let Err(problem) = query::read::<PageRequest>(&uri) {
            prop_assert_eq!(problem.status(), 422);
        }
    }

    #[test]
    fn any_cursor_is_read_or_refused(bytes: [u8; 25], version in 0_u8..4) {
        use base64::Engine as _;
        let bytes = [&[version], &bytes[1..]].concat();
        let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let page = query::read::<PageRequest>(&uri(&format!("cursor={cursor}")).unwrap());
        if let Ok(page) = page {
            let after = page.after.unwrap();
            prop_assert!(version == 1 && after.at.year() >= 0);
        }
    }

    #[test]
    fn a_key_of_the_described_form_is_accepted(key in string_regex(PATTERN.trim_matches(['^', '$'])).unwrap()) {
        prop_assert!(is_key(key.as_bytes()), "{}", key);
    }

    #[test]
    fn a_key_of_another_form_is_refused(value in prop::collection::vec(any::<u8>(), 0..210)) {
        let inner = value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(&value);
        let visible = |byte: &u8| (b'!'..=b'~').contains(byte) && *byte != b'"' && *byte != b'\\';
        let described = (1..=200).contains(&inner.len()) && inner.iter().all(visible);
        prop_assert_eq!(is_key(&value), described);
    }

    #[test]
    fn the_address_of_a_client_is_one_or_none(value in prop_oneof!["[0-9a-f.:\\[\\]]{0,40}", "[ -~]{0,40}"]) {
        let client = extract::<Client>("spin-client-addr", value.as_bytes());
        let address = client.and_then(|client| client.address);
        prop_assert!(address.is_none_or(|address| address.parse::<std::net::IpAddr>().is_ok()));
    }

    #[test]
    fn any_body_is_read_or_refused(text in prop_oneof!["(?s).{0,200}", "[\\[\\]{}\",:a-z0-9.eE -]{0,200}"]) {
        match body::parse(text.as_bytes()) {
            Ok(document) => {
                let again = serde_json::from_str::<Value>(&document.to_string());
                prop_assert_eq!(again.ok(), Some(document));
            }
            Err(problem) => prop_assert!((400..500).contains(&problem.status())),
        }
    }
}
