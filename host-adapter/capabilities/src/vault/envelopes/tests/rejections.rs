//! Envelopes that were damaged, forged or made for another request.

use serde_json::json;

use super::*;

#[test]
fn altered_or_truncated_envelope_is_rejected() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    for (index, character) in envelope.char_indices() {
        let mut altered = envelope.clone();
        altered.replace_range(index..=index, if character == 'A' { "B" } else { "A" });
        let result = envelopes.open_at(&altered, expected(), NOW);
        assert_eq!(result.err(), Some(EnvelopeError::Invalid), "at {index}");
    }
    for length in 0..envelope.len() {
        let result = envelopes.open_at(&envelope[..length], expected(), NOW);
        assert_eq!(result.err(), Some(EnvelopeError::Invalid), "first {length}");
    }
    // The rejected copies have not used up the envelope.
    assert!(envelopes.open_at(&envelope, expected(), NOW).is_ok());
}

#[test]
fn parts_of_two_envelopes_cannot_be_combined() {
    let envelopes = envelopes();
    let (first, second) = (seal(&envelopes).envelope, seal(&envelopes).envelope);
    for part in [0, 2, 3, 4] {
        let mut parts: Vec<_> = first.split('.').collect();
        parts[part] = second.split('.').nth(part).unwrap();
        assert_rejected(&envelopes, &parts.join("."), expected(), "altered");
    }
}

#[test]
fn malformed_envelope_is_rejected() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    let cases = [
        (String::new(), "malformed"),
        ("....".to_owned(), "malformed-header"),
        (format!("{envelope}."), "malformed"),
        (format!("{envelope}="), "malformed"),
        (format!("{envelope}\n"), "malformed"),
        (format!(" {envelope}"), "not-base64url"),
        (envelope.replacen("..", ".AAAA.", 1), "malformed"),
        (envelope.replacen("..", ".", 1), "malformed"),
        ("\u{1d54f}....".to_owned(), "not-base64url"),
    ];
    for (envelope, reason) in cases {
        assert_rejected(&envelopes, &envelope, expected(), reason);
    }
}

#[test]
fn non_zero_trailing_bits_are_rejected() {
    let envelopes = envelopes();
    let sealed = envelopes
        .seal_at("1", seal_request(), NOW)
        .unwrap()
        .envelope;
    // One byte takes two characters. The last four bits of the second character are unused.
    let (rest, tag) = sealed.rsplit_once('.').unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(rest.chars().last().unwrap()).unwrap();
    let other = &alphabet[last + 1..last + 2];
    let altered = format!("{}{other}.{tag}", &rest[..rest.len() - 1]);
    assert_rejected(&envelopes, &altered, expected(), "not-base64url");
}

#[test]
fn wrong_or_unknown_key_is_rejected() {
    let (envelopes, other_ring) = (envelopes(), self::envelopes());
    assert_rejected(
        &envelopes,
        &seal(&other_ring).envelope,
        expected(),
        "unknown-key",
    );
    // The id of a key in the ring, on an envelope that another key has sealed.
    let header = header(&envelopes);
    let forged_with_other_key = forged(&other_ring, &header);
    assert_rejected(&envelopes, &forged_with_other_key, expected(), "altered");
}

#[test]
fn service_cannot_seal_as_another_service() {
    let envelopes = envelopes();
    let mut header = header(&envelopes);
    header["iss"] = json!("client");
    assert_rejected(
        &envelopes,
        &forged(&envelopes, &header),
        expected(),
        "wrong-key",
    );
}

/// A caller from outside has the key of answers to it, and must not be able to speak for a service with it.
#[test]
fn key_of_answers_seals_answers_to_clients_only() {
    let envelopes = envelopes();
    let answer = SealRequest {
        issuer: "analytics",
        audience: "client",
        purpose: Purpose::Response { in_reply_to: None },
        ..seal_request()
    };
    let keys = envelopes.keys();
    let key = keys.sealing("answers", NOW).unwrap();
    let sealed = envelopes.seal_at(BODY, answer, NOW).unwrap().envelope;
    let issuers = [
        "analytics".to_owned(),
        "user".to_owned(),
        "answers".to_owned(),
    ];
    let expected_answer = ExpectedClaims {
        audience: "client",
        issuers: &issuers,
        purpose: answer.purpose,
        ..expected()
    };
    let opened = envelopes.open_at(&sealed, expected_answer, NOW).unwrap();
    assert_eq!(opened.issuer, "analytics");
    // With the same key: a request of a service, an answer to a service, and a request of its own.
    let request = Header::new(&key.kid, "1", &seal_request(), NOW);
    let to_service = SealRequest {
        purpose: answer.purpose,
        ..seal_request()
    };
    let to_service = Header::new(&key.kid, "2", &to_service, NOW);
    let own = SealRequest {
        issuer: "answers",
        ..seal_request()
    };
    let own = Header::new(&key.kid, "3", &own, NOW);
    for (header, purpose) in [
        (request, Purpose::Request),
        (to_service, answer.purpose),
        (own, Purpose::Request),
    ] {
        let json = header.to_json().unwrap();
        let forged = compact::seal(&json, BODY.as_bytes(), &key.cipher).unwrap();
        let expected = ExpectedClaims {
            issuers: &issuers,
            purpose,
            ..expected()
        };
        assert_rejected(&envelopes, &forged, expected, "wrong-key");
    }
}

#[test]
fn envelope_with_other_claims_is_rejected() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    let only_client = ["client".to_owned()];
    let cases = [
        (
            ExpectedClaims {
                audience: "user",
                ..expected()
            },
            "wrong-audience",
        ),
        (
            ExpectedClaims {
                issuers: &only_client,
                ..expected()
            },
            "unheard-issuer",
        ),
        (
            ExpectedClaims {
                issuers: &[],
                ..expected()
            },
            "unheard-issuer",
        ),
        (
            ExpectedClaims {
                method: "PUT",
                ..expected()
            },
            "wrong-method",
        ),
        (
            ExpectedClaims {
                method: "post",
                ..expected()
            },
            "wrong-method",
        ),
        (
            ExpectedClaims {
                path: "/api/v1/analytics/events/",
                ..expected()
            },
            "wrong-path",
        ),
        (
            ExpectedClaims {
                path: "/api/v1/analytics/%65vents",
                ..expected()
            },
            "wrong-path",
        ),
        (
            ExpectedClaims {
                path: "",
                ..expected()
            },
            "wrong-path",
        ),
    ];
    for (expected, reason) in cases {
        assert_rejected(&envelopes, &envelope, expected, reason);
    }
}

#[test]
fn envelope_opens_only_for_the_purpose_it_was_made_for() {
    let envelopes = envelopes();
    let purposes = [
        Purpose::Request,
        Purpose::Response { in_reply_to: None },
        Purpose::Response {
            in_reply_to: Some("1"),
        },
        Purpose::Response {
            in_reply_to: Some("2"),
        },
        Purpose::Response {
            in_reply_to: Some(""),
        },
    ];
    for made_for in purposes {
        for used_as in purposes {
            let request = SealRequest {
                purpose: made_for,
                ..seal_request()
            };
            let envelope = envelopes.seal_at(BODY, request, NOW).unwrap().envelope;
            let expected = ExpectedClaims {
                purpose: used_as,
                ..expected()
            };
            let opened = envelopes.open_at(&envelope, expected, NOW);
            assert_eq!(
                opened.is_ok(),
                made_for == used_as,
                "{made_for:?} used as {used_as:?}"
            );
        }
    }
}

#[test]
fn request_that_replies_to_a_request_is_rejected() {
    let envelopes = envelopes();
    let mut header = header(&envelopes);
    header["in_reply_to"] = json!("1");
    let answer = Purpose::Response {
        in_reply_to: Some("1"),
    };
    for purpose in [Purpose::Request, answer] {
        let envelope = forged(&envelopes, &header);
        assert_rejected(
            &envelopes,
            &envelope,
            ExpectedClaims {
                purpose,
                ..expected()
            },
            "wrong-purpose",
        );
    }
}

#[test]
fn unsupported_or_malformed_header_is_rejected() {
    let envelopes = envelopes();
    let cases = [
        ("crit", json!(["htm"]), "critical-extension"),
        ("crit", json!(null), "critical-extension"),
        ("zip", json!("DEF"), "compressed"),
        ("zip", json!(null), "compressed"),
        ("alg", json!("A256KW"), "wrong-algorithm"),
        ("alg", json!("none"), "wrong-algorithm"),
        ("enc", json!("A128GCM"), "wrong-algorithm"),
        ("iat", json!("now"), "malformed-header"),
        ("iat", json!(-1), "malformed-header"),
        ("rsp", json!("true"), "malformed-header"),
        ("jti", json!(""), "wrong-id"),
        ("jti", json!("x".repeat(129)), "wrong-id"),
    ];
    for (member, value, reason) in cases {
        let mut header = header(&envelopes);
        header[member] = value;
        assert_rejected(&envelopes, &forged(&envelopes, &header), expected(), reason);
    }
}

#[test]
fn header_without_a_required_member_is_rejected() {
    let envelopes = envelopes();
    for member in [
        "alg", "enc", "kid", "iss", "aud", "iat", "jti", "htm", "htu",
    ] {
        let mut header = header(&envelopes);
        header.as_object_mut().unwrap().remove(member);
        assert_rejected(
            &envelopes,
            &forged(&envelopes, &header),
            expected(),
            "malformed-header",
        );
    }
}

#[test]
fn repeated_header_member_is_rejected() {
    let envelopes = envelopes();
    let text = header(&envelopes).to_string();
    let twice = text.replacen('{', r#"{"aud":"user","#, 1);
    assert_rejected(
        &envelopes,
        &forged(&envelopes, &twice),
        expected(),
        "malformed-header",
    );
}

#[test]
fn body_that_is_not_utf8_is_rejected() {
    let envelopes = envelopes();
    let header = header(&envelopes).to_string();
    let sealed = compact::seal(
        header.as_bytes(),
        b"\xff",
        &envelopes.keys().sealing("user", NOW).unwrap().cipher,
    );
    assert_rejected(&envelopes, &sealed.unwrap(), expected(), "not-text");
}
