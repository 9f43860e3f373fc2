//! Sealing and opening envelopes. Rejected envelopes are tested in [`rejections`] and [`lifetime`].

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::keys::{KeyKind, Policy};
use super::*;

mod fuzz;
mod lifetime;
mod rejections;

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

fn seal_request() -> SealRequest<'static> {
    SealRequest {
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

fn expected() -> ExpectedClaims<'static> {
    let SealRequest {
        audience,
        method,
        path,
        purpose,
        ..
    } = seal_request();
    ExpectedClaims {
        audience,
        issuers: issuers(),
        method,
        path,
        purpose,
    }
}

fn seal(envelopes: &Envelopes) -> Sealed {
    envelopes.seal_at(BODY, seal_request(), NOW).unwrap()
}

#[track_caller]
fn assert_rejected(
    envelopes: &Envelopes,
    envelope: &str,
    expected: ExpectedClaims<'_>,
    reason: &str,
) {
    assert_eq!(
        envelopes.check(envelope, &expected, NOW).err(),
        Some(reason)
    );
    assert_eq!(
        envelopes.open_at(envelope, expected, NOW).err(),
        Some(EnvelopeError::Invalid)
    );
}

/// The header that `seal` writes.
fn header(envelopes: &Envelopes) -> Value {
    let envelope = seal(envelopes).envelope;
    let part = envelope.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Seals any header with the real key of `user`.
fn forged(envelopes: &Envelopes, header: &impl ToString) -> String {
    compact::seal(
        header.to_string().as_bytes(),
        BODY.as_bytes(),
        &envelopes.keys().sealing("user", NOW).unwrap().cipher,
    )
    .unwrap()
}

#[test]
fn envelope_with_expected_claims_opens() {
    let envelopes = envelopes();
    let sealed = seal(&envelopes);
    let opened = envelopes
        .open_at(&sealed.envelope, expected(), NOW)
        .unwrap();
    assert_eq!(opened.payload, BODY);
    assert_eq!(opened.issuer, "user");
    assert_eq!(opened.id, sealed.id);
}

#[test]
fn open_and_seal_use_the_current_time() {
    let envelopes = envelopes();
    let sealed = envelopes.seal(BODY, seal_request()).unwrap();
    assert_eq!(
        envelopes
            .open(&sealed.envelope, expected())
            .unwrap()
            .payload,
        BODY
    );
    let old = envelopes.seal_at(BODY, seal_request(), 1_000).unwrap();
    assert_eq!(
        envelopes.open(&old.envelope, expected()).err(),
        Some(EnvelopeError::Invalid)
    );
}

#[test]
fn header_of_a_request_has_exactly_the_documented_members() {
    let envelopes = envelopes();
    let header = header(&envelopes);
    let members = json!({
        "typ": "JOSE", "alg": "dir", "enc": "A256GCM", "kid": envelopes.keys().sealing("user", NOW).unwrap().kid,
        "iss": "user", "aud": "analytics", "iat": NOW, "jti": header["jti"],
        "htm": "POST", "htu": "/api/v1/analytics/events",
    });
    assert_eq!(header, members);
}

#[test]
fn sealing_the_same_body_twice_gives_two_ciphertexts() {
    let envelopes = envelopes();
    let (first, second) = (seal(&envelopes).envelope, seal(&envelopes).envelope);
    for part in 2..5 {
        assert_ne!(first.split('.').nth(part), second.split('.').nth(part));
    }
}

#[test]
fn unknown_members_are_ignored_and_escapes_are_decoded() {
    let envelopes = envelopes();
    let mut header = header(&envelopes);
    header["cty"] = json!("application/json");
    header["jti"] = json!("with \"quotes\" and \u{e9}");
    let opened = envelopes
        .open_at(&forged(&envelopes, &header), expected(), NOW)
        .unwrap();
    assert_eq!(opened.id, "with \"quotes\" and \u{e9}");
}

#[test]
fn payload_envelope_and_header_sizes_are_limited() {
    let envelopes = envelopes();
    let longest = "x".repeat(MAX_PAYLOAD_BYTES);
    let sealed = envelopes.seal_at(&longest, seal_request(), NOW).unwrap();
    assert!(sealed.envelope.len() <= MAX_ENVELOPE_BYTES);
    let opened = envelopes
        .open_at(&sealed.envelope, expected(), NOW)
        .unwrap();
    assert!(opened.payload == longest);

    let payload = EnvelopeError::TooLarge {
        what: "the payload",
        limit: MAX_PAYLOAD_BYTES,
    };
    assert_eq!(
        envelopes.seal_at(&format!("{longest}x"), seal_request(), NOW),
        Err(payload)
    );
    let envelope = "x".repeat(MAX_ENVELOPE_BYTES + 1);
    let result = envelopes.open_at(&envelope, expected(), NOW);
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
        SealRequest {
            path: &path,
            ..seal_request()
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
    assert_rejected(&envelopes, &header, expected(), "part-too-long");
}

#[test]
fn empty_body_can_be_sealed() {
    let envelopes = envelopes();
    let envelope = envelopes.seal_at("", seal_request(), NOW).unwrap().envelope;
    assert_eq!(
        envelopes
            .open_at(&envelope, expected(), NOW)
            .unwrap()
            .payload,
        ""
    );
}

#[test]
fn sealing_without_a_key_fails() {
    let request = SealRequest {
        issuer: "stranger",
        ..seal_request()
    };
    let rejected = Err(EnvelopeError::NoKey("stranger".to_owned()));
    assert_eq!(envelopes().seal_at(BODY, request, NOW), rejected);
}

#[test]
fn setting_outside_its_limits_is_rejected_by_name() {
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
fn inspecting_does_not_use_up_an_envelope() {
    let envelopes = envelopes();
    let old = envelopes.seal_at(BODY, seal_request(), 1_000).unwrap();
    for _ in 0..2 {
        let inspected = envelopes.inspect(&old.envelope).unwrap();
        assert_eq!(inspected.payload, BODY);
        let header: Value = serde_json::from_str(&inspected.header).unwrap();
        assert_eq!(header["jti"], json!(old.id));
    }
    let envelope = envelopes.seal(BODY, seal_request()).unwrap().envelope;
    assert!(envelopes.inspect(&envelope).is_ok());
    assert!(envelopes.open(&envelope, expected()).is_ok());
    let stranger = self::envelopes()
        .seal(BODY, seal_request())
        .unwrap()
        .envelope;
    assert_eq!(
        envelopes.inspect(&stranger).err(),
        Some(InspectError::Unreadable("unknown-key"))
    );
}
