//! Properties of envelopes, for any input.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::fuzzing::{self, mutation};

static ENVELOPES: LazyLock<Envelopes> = LazyLock::new(envelopes);

/// Members of which one value is accepted.
const CHECKED: [&str; 7] = ["alg", "enc", "kid", "iss", "aud", "htm", "htu"];

fn is_rejected(envelope: &str) -> bool {
    ENVELOPES.open_at(envelope, expected(), NOW).is_err()
}

proptest! {
    #[test]
    fn any_text_is_rejected(text in fuzzing::text()) {
        prop_assert!(is_rejected(&text));
        prop_assert!(ENVELOPES.inspect(&text).is_err());
    }

    #[test]
    fn any_parts_are_rejected(parts in proptest::collection::vec("[A-Za-z0-9_-]{0,40}", 1..8)) {
        prop_assert!(is_rejected(&parts.join(".")));
    }

    #[test]
    fn any_body_opens_as_it_was_sealed(body in "(?s).{0,300}") {
        let sealed = ENVELOPES.seal_at(&body, seal_request(), NOW).unwrap();
        let opened = ENVELOPES.open_at(&sealed.envelope, expected(), NOW).unwrap();
        prop_assert_eq!(opened.payload, body);
        // Once.
        prop_assert!(is_rejected(&sealed.envelope));
    }

    #[test]
    fn a_changed_envelope_is_rejected(mutation in mutation()) {
        let envelope = seal(&ENVELOPES).envelope;
        let changed = mutation.apply(&envelope);
        prop_assume!(changed != envelope);
        prop_assert!(is_rejected(&changed), "{}", changed);
    }

    #[test]
    fn a_header_with_another_value_is_rejected(
        member in proptest::sample::select(&CHECKED[..]),
        value in fuzzing::json(&["a"]),
    ) {
        let mut header = header(&ENVELOPES);
        prop_assume!(header[member] != value);
        header[member] = value;
        let envelope = forged(&ENVELOPES, &header);
        prop_assert!(is_rejected(&envelope), "{}", header);
    }

    #[test]
    fn any_header_is_rejected(header in fuzzing::json(&["alg", "enc", "kid", "iss", "aud", "iat", "jti", "htm", "htu"])) {
        prop_assert!(is_rejected(&forged(&ENVELOPES, &header)), "{}", header);
    }
}
