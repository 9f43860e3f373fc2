//! Envelopes that were damaged, forged, or made for something else.

use serde_json::json;

use super::*;

#[test]
fn an_envelope_altered_anywhere_is_refused() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    for (index, character) in envelope.char_indices() {
        let mut altered = envelope.clone();
        altered.replace_range(index..=index, if character == 'A' { "B" } else { "A" });
        let result = envelopes.open_at(&altered, opening(), NOW);
        assert_eq!(result.err(), Some(EnvelopeError::Invalid), "at {index}");
    }
    for length in 0..envelope.len() {
        let result = envelopes.open_at(&envelope[..length], opening(), NOW);
        assert_eq!(result.err(), Some(EnvelopeError::Invalid), "first {length}");
    }
    // None of this has used the envelope up.
    assert!(envelopes.open_at(&envelope, opening(), NOW).is_ok());
}

#[test]
fn parts_of_two_envelopes_do_not_fit_together() {
    let envelopes = envelopes();
    let (first, second) = (seal(&envelopes).envelope, seal(&envelopes).envelope);
    for part in [0, 2, 3, 4] {
        let mut parts: Vec<_> = first.split('.').collect();
        parts[part] = second.split('.').nth(part).unwrap();
        refuses(&envelopes, &parts.join("."), opening(), "altered");
    }
}

#[test]
fn malformed_envelopes_are_refused() {
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
        refuses(&envelopes, &envelope, opening(), reason);
    }
}

#[test]
fn stray_last_bits_are_refused() {
    let envelopes = envelopes();
    let sealed = envelopes.seal_at("1", sealing(), NOW).unwrap().envelope;
    // One byte is two characters, of which the second has four bits that say nothing.
    let (rest, tag) = sealed.rsplit_once('.').unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(rest.chars().last().unwrap()).unwrap();
    let other = &alphabet[last + 1..last + 2];
    let altered = format!("{}{other}.{tag}", &rest[..rest.len() - 1]);
    refuses(&envelopes, &altered, opening(), "not-base64url");
}

#[test]
fn a_wrong_or_unknown_key_is_refused() {
    let (envelopes, strangers) = (envelopes(), self::envelopes());
    refuses(
        &envelopes,
        &seal(&strangers).envelope,
        opening(),
        "unknown-key",
    );
    // Our key's id on a stranger's envelope.
    let header = header(&envelopes);
    let forged_by_stranger = forged(&strangers, &header);
    refuses(&envelopes, &forged_by_stranger, opening(), "altered");
}

#[test]
fn no_service_can_seal_in_the_name_of_another() {
    let envelopes = envelopes();
    let mut header = header(&envelopes);
    header["iss"] = json!("client");
    refuses(
        &envelopes,
        &forged(&envelopes, &header),
        opening(),
        "wrong-key",
    );
}

#[test]
fn an_envelope_for_anything_else_is_refused() {
    let envelopes = envelopes();
    let envelope = seal(&envelopes).envelope;
    let only_client = ["client".to_owned()];
    let cases = [
        (
            Opening {
                audience: "user",
                ..opening()
            },
            "wrong-audience",
        ),
        (
            Opening {
                issuers: &only_client,
                ..opening()
            },
            "unheard-issuer",
        ),
        (
            Opening {
                issuers: &[],
                ..opening()
            },
            "unheard-issuer",
        ),
        (
            Opening {
                method: "PUT",
                ..opening()
            },
            "wrong-method",
        ),
        (
            Opening {
                method: "post",
                ..opening()
            },
            "wrong-method",
        ),
        (
            Opening {
                path: "/api/v1/analytics/events/",
                ..opening()
            },
            "wrong-path",
        ),
        (
            Opening {
                path: "/api/v1/analytics/%65vents",
                ..opening()
            },
            "wrong-path",
        ),
        (
            Opening {
                path: "",
                ..opening()
            },
            "wrong-path",
        ),
    ];
    for (opening, reason) in cases {
        refuses(&envelopes, &envelope, opening, reason);
    }
}

#[test]
fn requests_and_answers_do_not_pass_for_each_other() {
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
            let sealing = Sealing {
                purpose: made_for,
                ..sealing()
            };
            let envelope = envelopes.seal_at(BODY, sealing, NOW).unwrap().envelope;
            let opening = Opening {
                purpose: used_as,
                ..opening()
            };
            let opened = envelopes.open_at(&envelope, opening, NOW);
            assert_eq!(
                opened.is_ok(),
                made_for == used_as,
                "{made_for:?} used as {used_as:?}"
            );
        }
    }
}

#[test]
fn a_request_that_names_a_request_is_neither() {
    let envelopes = envelopes();
    let mut header = header(&envelopes);
    header["in_reply_to"] = json!("1");
    let answer = Purpose::Response {
        in_reply_to: Some("1"),
    };
    for purpose in [Purpose::Request, answer] {
        let envelope = forged(&envelopes, &header);
        refuses(
            &envelopes,
            &envelope,
            Opening {
                purpose,
                ..opening()
            },
            "wrong-purpose",
        );
    }
}

#[test]
fn headers_that_change_how_to_read_the_rest_are_refused() {
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
        refuses(&envelopes, &forged(&envelopes, &header), opening(), reason);
    }
}

#[test]
fn every_member_is_required() {
    let envelopes = envelopes();
    for member in [
        "alg", "enc", "kid", "iss", "aud", "iat", "jti", "htm", "htu",
    ] {
        let mut header = header(&envelopes);
        header.as_object_mut().unwrap().remove(member);
        refuses(
            &envelopes,
            &forged(&envelopes, &header),
            opening(),
            "malformed-header",
        );
    }
}

#[test]
fn a_member_that_occurs_twice_is_refused() {
    let envelopes = envelopes();
    let text = header(&envelopes).to_string();
    let twice = text.replacen('{', r#"{"aud":"user","#, 1);
    refuses(
        &envelopes,
        &forged(&envelopes, &twice),
        opening(),
        "malformed-header",
    );
}

#[test]
fn a_body_that_is_not_text_is_refused() {
    let envelopes = envelopes();
    let header = header(&envelopes).to_string();
    let sealed = compact::seal(
        header.as_bytes(),
        b"\xff",
        &envelopes.sealing["user"].cipher,
    );
    refuses(&envelopes, &sealed.unwrap(), opening(), "not-text");
}
