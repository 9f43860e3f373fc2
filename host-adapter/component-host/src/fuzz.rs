//! Properties of what is read of requests and manifests, for any input.

use std::{net::SocketAddr, path::Path};

use http::{HeaderMap, HeaderValue, Request};
use proptest::prelude::*;

use crate::{TrustedProxies, client_address::ClientAddresses, manifest::Manifest, problem::Head};

/// The proxy that the operator trusts, and the client that it has seen.
const PROXY: &str = "10.0.0.1:4711";
const CLIENT: &str = "192.0.2.7";

fn addresses() -> ClientAddresses {
    let trusted: TrustedProxies = serde_json::from_str(r#"["10.0.0.0/8"]"#).expect("a network");
    ClientAddresses::new(trusted)
}

fn client(connection: &str, headers: &HeaderMap) -> String {
    let connection: SocketAddr = connection.parse().expect("an address");
    addresses().client(connection, headers).ip().to_string()
}

/// What a client may write: text of the alphabet of these headers, or any.
fn forged() -> impl Strategy<Value = HeaderValue> {
    let text = prop_oneof!["[for=:;,\"\\\\0-9.\\[\\] a-f_%-]{0,80}", "[\t -~]{0,80}"];
    text.prop_map(|text| HeaderValue::try_from(text).expect("visible characters"))
}

proptest! {
    #[test]
    fn an_unknown_proxy_is_not_believed(one in forged(), other in forged()) {
        let headers: HeaderMap = [("forwarded", one), ("x-forwarded-for", other)]
            .map(|(name, value)| (http::HeaderName::from_static(name), value))
            .into_iter()
            .collect();
        prop_assert_eq!(client("203.0.113.5:1", &headers), "203.0.113.5");
    }

    #[test]
    fn what_a_client_writes_does_not_move_it(
        name in proptest::sample::select(&["forwarded", "x-forwarded-for"][..]),
        lines in proptest::collection::vec(forged(), 0..3),
        last in forged(),
    ) {
        let element = if name == "forwarded" { format!("for={CLIENT}") } else { CLIENT.to_owned() };
        // A proxy appends to the last line, or adds a line.
        let last = last.to_str().unwrap_or_default();
        let appended = HeaderValue::try_from(format!("{last}, {element}")).expect("a value");
        let mut headers = HeaderMap::new();
        for line in lines.into_iter().chain([appended]) {
            headers.append(name, line);
        }
        prop_assert_eq!(client(PROXY, &headers), CLIENT);
    }

    #[test]
    fn any_deadline_is_read_or_ignored(text in prop_oneof!["[0-9]{0,10}[HMSmunx]?", "[\t -~]{0,12}"]) {
        if let Some(deadline) = adapter_contract::deadline::parse(&text) {
            // Eight digits of hours.
            prop_assert!(deadline.as_secs() <= 99_999_999 * 3_600);
            prop_assert!(text.starts_with(|first: char| first.is_ascii_digit()));
        }
    }

    #[test]
    fn an_id_of_a_request_has_harmless_characters(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut request = Request::new(());
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            request.headers_mut().insert("x-request-id", value);
        }
        let head = Head::from_request(&mut request);
        prop_assert!((1..=128).contains(&head.id().len()));
        prop_assert!(head.id().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        prop_assert_eq!(request.headers().get("x-request-id"), Some(&head.request_id));
    }

    #[test]
    fn any_manifest_is_read_or_refused(
        text in prop_oneof![
            "[a-z=\"{}\\[\\]\n .0-9]{0,200}",
            "(?s).{0,100}",
            "spin_manifest_version = 2\n\\[application\\]\nname = \"a\"\n\\[\\[trigger.http\\]\\]\nroute = [ -~]{0,12}\ncomponent = [ -~]{0,8}\n",
        ],
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("spin.toml");
        std::fs::write(&path, text).expect("write");
        if let Ok(manifest) = Manifest::read(Path::new(&path)) {
            let _ = manifest.routes();
        }
    }
}
