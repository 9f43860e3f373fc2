use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tempfile::TempDir;

use super::super::keys::{KeyKind, Policy, TOKENS};
use super::*;

struct Fixture {
    directory: TempDir,
    tokens: Tokens,
    key: SigningKey,
    kid: String,
}

/// The component that verifies.
const AUDIENCE: &str = "user";

fn settings() -> TokenSettings {
    TokenSettings {
        audiences: vec![AUDIENCE.to_owned()],
        ..TokenSettings::default()
    }
}

fn fixture() -> Fixture {
    let directory = TempDir::new().unwrap();
    let ring = KeyRing::load(directory.path(), &[], &Policy::default()).unwrap();
    let signing = ring.keys_of_kind(KeyKind::Signing).next().unwrap();
    let key = SigningKey::from_bytes(signing.key.secret());
    let kid = signing.key.kid().to_owned();
    let tokens = Tokens::new(settings(), &ring).unwrap();
    Fixture {
        directory,
        tokens,
        key,
        kid,
    }
}

impl Fixture {
    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid})
    }

    /// Signs any header and payload with the real key.
    fn sign(&self, header: &Value, payload: &Value) -> String {
        let message = message(header, payload);
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    #[track_caller]
    fn assert_rejected(&self, token: &str) {
        assert_eq!(
            self.tokens.verify(token, AUDIENCE),
            Err(TokenError::Invalid),
            "{token}"
        );
    }
}

fn message(header: &Value, payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(payload))
}

fn payload() -> Value {
    let now = unix_now();
    json!({
        "iss": "spindle", "aud": AUDIENCE, "sub": "ada", "jti": "1",
        "iat": now, "exp": now + 60,
    })
}

/// Replaces one member of the object. `null` removes the member.
fn with_member(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    object
}

#[test]
fn issued_token_has_its_subject_and_lifetime() {
    let Fixture { tokens, .. } = fixture();
    let before = unix_now();
    let token = tokens.issue("ada", None).unwrap();
    assert_eq!(token.expires_in, 900);
    let claims = tokens.verify(&token.token, AUDIENCE).unwrap();
    assert_eq!(claims.subject, "ada");
    assert!((before + 900..=unix_now() + 900).contains(&claims.expires_at));
    assert_ne!(
        tokens
            .verify(&tokens.issue("ada", None).unwrap().token, AUDIENCE)
            .unwrap()
            .id,
        claims.id
    );
}

#[test]
fn token_has_exactly_the_documented_members() {
    let Fixture { tokens, kid, .. } = fixture();
    let token = tokens.issue("ada", None).unwrap().token;
    let part = |index: usize| -> Value {
        let text = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    assert_eq!(
        part(0),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})
    );
    let payload = part(1);
    let names: Vec<_> = payload.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 6);
    for name in ["iss", "aud", "sub", "iat", "exp", "jti"] {
        assert!(!payload[name].is_null(), "{name}");
    }
}

#[test]
fn token_is_valid_until_the_second_it_expires() {
    let Fixture { tokens, .. } = fixture();
    let token = tokens.issue("ada", None).unwrap().token;
    let claims = tokens.verify(&token, AUDIENCE).unwrap();
    // Once from the cache and once without it.
    for tokens in [&tokens, &with_empty_cache(&tokens)] {
        assert_eq!(
            tokens
                .verify_at(&token, AUDIENCE, claims.expires_at - 1)
                .as_ref(),
            Ok(&claims)
        );
        assert_eq!(
            tokens.verify_at(&token, AUDIENCE, claims.expires_at),
            Err(TokenError::Expired)
        );
    }
}

fn with_empty_cache(tokens: &Tokens) -> Tokens {
    Tokens {
        settings: tokens.settings.clone(),
        lifetime: tokens.lifetime,
        keys: RwLock::new(tokens.keys()),
        cache: Cache::new(1),
        revocations: None,
    }
}

#[test]
fn altered_or_truncated_token_is_rejected() {
    let fixture = fixture();
    let token = fixture.tokens.issue("ada", None).unwrap().token;
    fixture.tokens.verify(&token, AUDIENCE).unwrap();
    for (index, character) in token.char_indices() {
        let mut altered = token.clone();
        let other = if character == 'A' { "B" } else { "A" };
        altered.replace_range(index..=index, other);
        fixture.assert_rejected(&altered);
    }
    for length in 0..token.len() {
        fixture.assert_rejected(&token[..length]);
    }
    fixture.assert_rejected(&format!("{token}."));
    fixture.assert_rejected(&format!("{token}="));
    fixture.assert_rejected(&format!(" {token}"));
}

#[test]
fn token_signed_with_another_key_is_rejected() {
    let fixture = fixture();
    let token = fixture.sign(&fixture.header(), &payload());
    assert_eq!(
        fixture.tokens.verify(&token, AUDIENCE).unwrap().subject,
        "ada"
    );

    let message = message(&fixture.header(), &payload());
    let signature = SigningKey::from_bytes(&[7; 32]).sign(message.as_bytes());
    fixture.assert_rejected(&format!(
        "{message}.{}",
        URL_SAFE_NO_PAD.encode(signature.to_bytes())
    ));
}

#[test]
fn missing_or_mistyped_claim_is_rejected() {
    let fixture = fixture();
    for claim in ["iss", "aud", "sub", "iat", "exp", "jti"] {
        for value in [
            Value::Null,
            json!(true),
            json!(-1),
            json!(["spindle", "ada"]),
        ] {
            let payload = with_member(payload(), claim, value);
            fixture.assert_rejected(&fixture.sign(&fixture.header(), &payload));
        }
    }
}

#[test]
fn wrong_claim_is_rejected() {
    let fixture = fixture();
    let cases = [
        ("iss", json!("other")),
        ("aud", json!("other")),
        ("sub", json!("")),
        ("sub", json!("x".repeat(MAX_SUBJECT_CHARACTERS + 1))),
        ("jti", json!("")),
        ("iat", json!(unix_now() + 60)),
    ];
    for (claim, value) in cases {
        let payload = with_member(payload(), claim, value);
        fixture.assert_rejected(&fixture.sign(&fixture.header(), &payload));
    }
    let soon = with_member(payload(), "iat", json!(unix_now() + 3));
    assert!(
        fixture
            .tokens
            .verify(&fixture.sign(&fixture.header(), &soon), AUDIENCE)
            .is_ok()
    );
    let past = with_member(payload(), "exp", json!(unix_now() - 1));
    let past = fixture.sign(&fixture.header(), &past);
    assert_eq!(
        fixture.tokens.verify(&past, AUDIENCE),
        Err(TokenError::Expired)
    );
}

#[test]
fn token_is_verified_by_the_components_that_it_names() {
    let fixture = fixture();
    let ring = KeyRing::load(fixture.directory.path(), &[], &Policy::default()).unwrap();
    let tokens = |audiences: &[&str]| {
        let settings = TokenSettings {
            audiences: audiences.iter().map(|&name| name.to_owned()).collect(),
            ..settings()
        };
        Tokens::new(settings, &ring).unwrap()
    };
    for audiences in [&["user"][..], &["user", "analytics"], &[], &["*"]] {
        let tokens = tokens(audiences);
        let token = tokens.issue("ada", None).unwrap().token;
        // Also from the cache.
        for component in ["user", "analytics", "gateway", "user"] {
            let accepted = tokens.verify(&token, component).is_ok();
            assert_eq!(accepted, audiences.contains(&component), "{audiences:?}");
        }
    }
}

#[test]
fn wrong_header_is_rejected() {
    let fixture = fixture();
    let cases = [
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("kid", json!("tokens-unknown")),
        ("kid", Value::Null),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("alg", json!("ES256")),
        ("alg", json!("eddsa")),
        ("alg", Value::Null),
    ];
    for (member, value) in cases {
        let header = with_member(fixture.header(), member, value);
        fixture.assert_rejected(&fixture.sign(&header, &payload()));
    }
}

#[test]
fn token_without_signature_is_rejected() {
    let fixture = fixture();
    for algorithm in ["none", "None", "EdDSA"] {
        let header = with_member(fixture.header(), "alg", json!(algorithm));
        fixture.assert_rejected(&format!("{}.", message(&header, &payload())));
    }
}

#[test]
fn token_with_public_key_as_hmac_secret_is_rejected() {
    let fixture = fixture();
    let public = fixture.key.verifying_key();
    let text = URL_SAFE_NO_PAD.encode(public.as_bytes());
    let message = message(
        &with_member(fixture.header(), "alg", json!("HS256")),
        &payload(),
    );
    for secret in [public.as_bytes().as_slice(), text.as_bytes()] {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(message.as_bytes());
        let tag = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        fixture.assert_rejected(&format!("{message}.{tag}"));
    }
}

#[test]
fn token_with_algorithm_rs256_is_rejected() {
    let fixture = fixture();
    let header = with_member(fixture.header(), "alg", json!("RS256"));
    fixture.assert_rejected(&fixture.sign(&header, &payload()));
    let message = message(&header, &payload());
    fixture.assert_rejected(&format!("{message}.{}", URL_SAFE_NO_PAD.encode([1; 256])));
}

#[test]
fn token_above_the_size_limit_is_rejected() {
    let fixture = fixture();
    fixture.assert_rejected(&"a".repeat(MAX_TOKEN_BYTES + 1));
    let padded = with_member(payload(), "other", json!("x".repeat(MAX_TOKEN_BYTES)));
    fixture.assert_rejected(&fixture.sign(&fixture.header(), &padded));
}

#[test]
fn subjects_have_1_to_200_characters() {
    let Fixture { tokens, .. } = fixture();
    let longest = "\u{1d54f}".repeat(MAX_SUBJECT_CHARACTERS);
    let token = tokens.issue(&longest, None).unwrap().token;
    assert_eq!(tokens.verify(&token, AUDIENCE).unwrap().subject, longest);
    for subject in ["", &format!("{longest}x")] {
        assert_eq!(
            tokens.issue(subject, None).err(),
            Some(TokenError::InvalidSubject)
        );
    }
}

#[test]
fn old_key_verifies_until_it_expires_and_new_key_signs() {
    let fixture = fixture();
    let old = fixture.tokens.issue("ada", None).unwrap().token;
    let new = KeyRing::generate(fixture.directory.path(), TOKENS, true).unwrap();
    let ring = KeyRing::load(fixture.directory.path(), &[], &Policy::default()).unwrap();
    let tokens = Tokens::new(settings(), &ring).unwrap();
    assert_eq!(tokens.verify(&old, AUDIENCE).unwrap().subject, "ada");
    let header = jsonwebtoken::decode_header(tokens.issue("ada", None).unwrap().token).unwrap();
    assert_eq!(header.kid, Some(new.kid.clone()));

    let until = ring
        .keys_of_kind(KeyKind::Signing)
        .find_map(|ring_key| ring_key.period.readable_until)
        .unwrap();
    assert_eq!(
        tokens.verify_at(&old, AUDIENCE, until + 1),
        Err(TokenError::Invalid)
    );
    assert_eq!(tokens.keys().verifiers.public_keys(until).len(), 2);
    assert_eq!(
        tokens.keys().verifiers.public_keys(until + 1)[0]["kid"],
        json!(new.kid)
    );
}

#[test]
fn public_keys_are_a_jwk_set_without_secrets() {
    let fixture = fixture();
    let set: Value = serde_json::from_str(&fixture.tokens.public_keys()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(fixture.key.verifying_key().as_bytes());
    let key = json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": fixture.kid, "x": x,
    });
    assert_eq!(set, json!({"keys": [key]}));
}

#[test]
fn setting_outside_its_limits_is_rejected_by_name() {
    let directory = TempDir::new().unwrap();
    let ring = KeyRing::load(directory.path(), &[], &Policy::default()).unwrap();
    let default = settings;
    let cases = [
        (
            "issuer",
            TokenSettings {
                issuer: String::new(),
                ..default()
            },
        ),
        (
            "audiences",
            TokenSettings {
                audiences: vec!["x".repeat(151); 20],
                ..default()
            },
        ),
        (
            "audiences",
            TokenSettings {
                audiences: vec![String::new()],
                ..default()
            },
        ),
        (
            "lifetime",
            TokenSettings {
                lifetime: Duration::from_millis(999),
                ..default()
            },
        ),
        (
            "lifetime",
            TokenSettings {
                lifetime: Duration::from_secs(86_401),
                ..default()
            },
        ),
    ];
    for (name, settings) in cases {
        assert_eq!(
            Tokens::new(settings, &ring).err().map(|error| error.name),
            Some(name)
        );
    }
}

fn session_token(session: &str) -> (Tokens, Arc<Revocations>, String) {
    let revocations = Arc::new(Revocations::new(
        settings().lifetime,
        Duration::from_secs(30),
    ));
    let tokens = fixture().tokens.with_revocations(revocations.clone());
    let token = tokens.issue("ada", Some(session)).unwrap().token;
    (tokens, revocations, token)
}

#[test]
fn cached_token_is_rejected_when_its_session_ends() {
    let (tokens, revocations, token) = session_token("s1");
    revocations.update([], tokio::time::Instant::now());
    let claims = tokens.verify(&token, AUDIENCE).unwrap();
    assert_eq!(claims.session.as_deref(), Some("s1"));
    revocations.add([("s1".to_owned(), Duration::ZERO)]);
    assert_eq!(
        tokens.verify(&token, AUDIENCE),
        Err(TokenError::SessionRevoked)
    );
    let other = tokens.issue("ada", Some("s2")).unwrap().token;
    assert!(tokens.verify(&other, AUDIENCE).is_ok());
}

#[test]
fn token_of_a_session_of_unknown_status_is_rejected() {
    let (tokens, _, token) = session_token("s1");
    assert_eq!(
        tokens.verify(&token, AUDIENCE),
        Err(TokenError::SessionUnknown)
    );
    let without = tokens.issue("ada", None).unwrap().token;
    assert!(tokens.verify(&without, AUDIENCE).is_ok());
    let without_revocations = fixture().tokens;
    let token = without_revocations.issue("ada", Some("s1")).unwrap().token;
    assert_eq!(
        without_revocations.verify(&token, AUDIENCE),
        Err(TokenError::SessionUnknown)
    );
}

#[test]
fn sessions_have_ids_of_1_to_200_characters() {
    let fixture = fixture();
    let tokens = &fixture.tokens;
    for session in ["", &"x".repeat(sessions::MAX_ID_CHARACTERS + 1)] {
        let rejected = tokens.issue("ada", Some(session)).err();
        assert_eq!(rejected, Some(TokenError::InvalidSession));
        let payload = with_member(payload(), "sid", json!(session));
        fixture.assert_rejected(&fixture.sign(&fixture.header(), &payload));
    }
    let payload = with_member(payload(), "sid", json!(7));
    fixture.assert_rejected(&fixture.sign(&fixture.header(), &payload));
}

#[test]
fn token_with_longer_lifetime_expires_after_the_current_one() {
    let fixture = fixture();
    let issued = unix_now();
    let long = with_member(payload(), "exp", json!(issued + 86_400));
    let token = fixture.sign(&fixture.header(), &long);
    let claims = fixture.tokens.verify(&token, AUDIENCE).unwrap();
    assert!(claims.expires_at <= issued + 901, "{claims:?}");
    assert_eq!(
        fixture
            .tokens
            .verify_at(&token, AUDIENCE, claims.expires_at),
        Err(TokenError::Expired)
    );
}
