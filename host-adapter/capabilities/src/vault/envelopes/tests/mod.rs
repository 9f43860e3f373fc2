//! What envelopes promise; what they refuse is in [`refusals`] and [`lifetime`].

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::keys::Policy;
use super::*;

mod lifetime;
mod refusals;

const NOW: u64 = 1_800_000_000;
const BODY: &str = r#"{"name":"Ada"}"#;

fn ring(directory: &TempDir) -> KeyRing {
    KeyRing::load(
        directory.path(),
        &["user", "analytics", "client"],
        &Policy::default(),
    )
    .unwrap()
}

fn envelopes() -> Envelopes {
    let directory = TempDir::new().unwrap();
    Envelopes::new(EnvelopeSettings::default(), &ring(&directory)).unwrap()
}

fn sealing() -> Sealing<'static> {
    Sealing {
        issuer: "user",
        audience: "analytics",
        method: "POST",
        path: "/api/v1/analytics/events",
        purpose: Purpose::Request,
    }
}

fn issuers() -> &'static [String] {
    static ISSUERS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    ISSUERS.get_or_init(|| vec!["user".to_owned(), "client".to_owned()])
}

fn opening() -> Opening<'static> {
    let Sealing {
        audience,
        method,
        path,
        purpose,
        ..
    } = sealing();
    Opening {
        audience,
        issuers: issuers(),
        method,
        path,
        purpose,
    }
}

fn seal(envelopes: &Envelopes) -> Sealed {
    envelopes.seal_at(BODY, sealing(), NOW).unwrap()
}

#[track_caller]
fn refuses(envelopes: &Envelopes, envelope: &str, opening: Opening<'_>, reason: &str) {
    assert_eq!(envelopes.check(envelope, &opening, NOW).err(), Some(reason));
    assert_eq!(
        envelopes.open_at(envelope, opening, NOW).err(),
        Some(EnvelopeError::Invalid)
    );
}

/// The header that `seal` writes.
fn header(envelopes: &Envelopes) -> Value {
    let envelope = seal(envelopes).envelope;
    let part = envelope.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Seal whatever header with user's real key.
fn forged(envelopes: &Envelopes, header: &impl ToString) -> String {
    compact::seal(
        header.to_string().as_bytes(),
        BODY.as_bytes(),
        &envelopes.sealing["user"].cipher,
    )
    .unwrap()
}

#[test]
fn an_envelope_opens_for_whom_and_what_it_was_sealed() {
    let envelopes = envelopes();
    let sealed = seal(&envelopes);
    let opened = envelopes.open_at(&sealed.envelope, opening(), NOW).unwrap();
    assert_eq!(opened.payload, BODY);
    assert_eq!(opened.issuer, "user");
    assert_eq!(opened.id, sealed.id);
}

#[test]
fn the_clock_on_the_wall_is_used_outside_of_tests() {
    let envelopes = envelopes();
    let sealed = envelopes.seal(BODY, sealing()).unwrap();
    assert_eq!(
        envelopes.open(&sealed.envelope, opening()).unwrap().payload,
        BODY
    );
    let old = envelopes.seal_at(BODY, sealing(), 1_000).unwrap();
    assert_eq!(
        envelopes.open(&old.envelope, opening()).err(),
        Some(EnvelopeError::Invalid)
    );
}

#[test]
fn the_header_of_a_request_has_exactly_the_promised_members() {
    let envelopes = envelopes();
    let header = header(&envelopes);
    let expected = json!({
        "typ": "JOSE", "alg": "dir", "enc": "A256GCM", "kid": envelopes.sealing["user"].kid,
        "iss": "user", "aud": "analytics", "iat": NOW, "jti": header["jti"],
        "htm": "POST", "htu": "/api/v1/analytics/events",
    });
    assert_eq!(header, expected);
}

#[test]
fn the_same_body_never_gives_the_same_nonce_or_ciphertext() {
    let envelopes = envelopes();
    let (first, second) = (seal(&envelopes).envelope, seal(&envelopes).envelope);
    for part in 2..5 {
        assert_ne!(first.split('.').nth(part), second.split('.').nth(part));
    }
}

#[test]
fn unknown_members_are_ignored_and_escapes_understood() {
    let envelopes = envelopes();
    let mut header = header(&envelopes);
    header["cty"] = json!("application/json");
    header["jti"] = json!("with \"quotes\" and \u{e9}");
    let opened = envelopes
        .open_at(&forged(&envelopes, &header), opening(), NOW)
        .unwrap();
    assert_eq!(opened.id, "with \"quotes\" and \u{e9}");
}

#[test]
fn sizes_are_bounded() {
    let envelopes = envelopes();
    let longest = "x".repeat(MAX_PAYLOAD_BYTES);
    let sealed = envelopes.seal_at(&longest, sealing(), NOW).unwrap();
    assert!(sealed.envelope.len() <= MAX_ENVELOPE_BYTES);
    let opened = envelopes.open_at(&sealed.envelope, opening(), NOW).unwrap();
    assert!(opened.payload == longest);

    let payload = EnvelopeError::TooLarge {
        what: "the payload",
        limit: MAX_PAYLOAD_BYTES,
    };
    assert_eq!(
        envelopes.seal_at(&format!("{longest}x"), sealing(), NOW),
        Err(payload)
    );
    let envelope = "x".repeat(MAX_ENVELOPE_BYTES + 1);
    let result = envelopes.open_at(&envelope, opening(), NOW);
    assert!(matches!(
        result,
        Err(EnvelopeError::TooLarge {
            what: "the envelope",
            ..
        })
    ));
    let path = format!("/{}", "x".repeat(4_096));
    let result = envelopes.seal_at(
        BODY,
        Sealing {
            path: &path,
            ..sealing()
        },
        NOW,
    );
    assert!(matches!(
        result,
        Err(EnvelopeError::TooLarge {
            what: "the header",
            ..
        })
    ));
    let header = format!("{}....", "A".repeat(6_000));
    refuses(&envelopes, &header, opening(), "part-too-long");
}

#[test]
fn an_empty_body_is_a_body() {
    let envelopes = envelopes();
    let envelope = envelopes.seal_at("", sealing(), NOW).unwrap().envelope;
    assert_eq!(
        envelopes
            .open_at(&envelope, opening(), NOW)
            .unwrap()
            .payload,
        ""
    );
}

#[test]
fn only_owners_in_the_ring_can_seal() {
    let sealing = Sealing {
        issuer: "stranger",
        ..sealing()
    };
    let refused = Err(EnvelopeError::NoKey("stranger".to_owned()));
    assert_eq!(envelopes().seal_at(BODY, sealing, NOW), refused);
}

#[test]
fn settings_outside_their_limits_are_refused_by_name() {
    let directory = TempDir::new().unwrap();
    let ring = ring(&directory);
    let default = EnvelopeSettings::default;
    let cases = [
        (
            "max_age",
            EnvelopeSettings {
                max_age: Duration::ZERO,
                ..default()
            },
        ),
        (
            "max_age",
            EnvelopeSettings {
                max_age: Duration::from_secs(3_601),
                ..default()
            },
        ),
        (
            "clock_skew",
            EnvelopeSettings {
                clock_skew: Duration::from_secs(301),
                ..default()
            },
        ),
        (
            "replay_capacity",
            EnvelopeSettings {
                replay_capacity: 0,
                ..default()
            },
        ),
        (
            "replay_capacity",
            EnvelopeSettings {
                replay_capacity: 10_000_001,
                ..default()
            },
        ),
    ];
    for (name, settings) in cases {
        assert_eq!(
            Envelopes::new(settings, &ring)
                .err()
                .map(|error| error.name),
            Some(name)
        );
    }
}

#[test]
fn a_person_can_look_at_any_envelope_of_our_keys_without_using_it_up() {
    let envelopes = envelopes();
    let old = envelopes.seal_at(BODY, sealing(), 1_000).unwrap();
    for _ in 0..2 {
        let inspected = envelopes.inspect(&old.envelope).unwrap();
        assert_eq!(inspected.payload, BODY);
        let header: Value = serde_json::from_str(&inspected.header).unwrap();
        assert_eq!(header["jti"], json!(old.id));
    }
    let envelope = envelopes.seal(BODY, sealing()).unwrap().envelope;
    assert!(envelopes.inspect(&envelope).is_ok());
    assert!(envelopes.open(&envelope, opening()).is_ok());
    let stranger = self::envelopes().seal(BODY, sealing()).unwrap().envelope;
    assert_eq!(
        envelopes.inspect(&stranger).err(),
        Some(EnvelopeError::Invalid)
    );
}
