//! Envelopes and tokens, read and written by JOSE libraries that share no code with the vault:
//! `biscuit` (AES on ring) for JWE, `jwt-compact` (`ed25519-compact`) for JWT. They read their keys
//! from the vault's JWK files, so these tests cover the files as well.
#![cfg(test)]

use std::fs;

use adapter_capabilities::vault::{
    EnvelopeError, EnvelopeSettings, Envelopes, ExpectedClaims, KeyKind, KeyRing, Policy, Purpose,
    SealRequest, TokenError, TokenSettings, Tokens,
};
use biscuit::Empty;
use biscuit::jwa::{ContentEncryptionAlgorithm, EncryptionOptions, KeyManagementAlgorithm};
use biscuit::jwe::{Compact, Header, RegisteredHeader};
use biscuit::jwk::JWK;
use jwt_compact::alg::Ed25519;
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt, Claims, TimeOptions, UntrustedToken};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

const BODY: &str = r#"{"event":"signed up","text":"Grüße, 世界"}"#;
const PATH: &str = "/api/v1/analytics/events";

const DIRECT: KeyManagementAlgorithm = KeyManagementAlgorithm::DirectSymmetricKey;
const A256GCM: ContentEncryptionAlgorithm = ContentEncryptionAlgorithm::A256GCM;

type Jwe = Compact<Vec<u8>, Value>;

/// The keys of `user`, `analytics` and `tokens`, in a temporary directory.
struct Keys {
    directory: TempDir,
    ring: KeyRing,
}

fn create_keys() -> Keys {
    let directory = TempDir::new().unwrap();
    let ring = KeyRing::load(directory.path(), &["user", "analytics"], &Policy::default()).unwrap();
    Keys { directory, ring }
}

impl Keys {
    fn envelopes(&self) -> Envelopes {
        Envelopes::new(EnvelopeSettings::default(), &self.ring).unwrap()
    }

    fn tokens(&self) -> Tokens {
        let settings = TokenSettings {
            audiences: vec!["user".to_owned()],
            ..TokenSettings::default()
        };
        Tokens::new(settings, &self.ring).unwrap()
    }

    /// Returns the id of the owner's key, and its JWK as text.
    fn jwk(&self, owner: &str) -> (String, String) {
        let infos = KeyRing::list(self.directory.path(), std::time::Duration::ZERO).unwrap();
        let info = infos.into_iter().find(|info| info.owner == owner).unwrap();
        assert_eq!(info.kind == KeyKind::Signing, owner == "tokens");
        let file = self.directory.path().join(format!("{}.json", info.kid));
        (info.kid, fs::read_to_string(file).unwrap())
    }
}

fn expected_claims(issuers: &[String]) -> ExpectedClaims<'_> {
    ExpectedClaims {
        audience: "analytics",
        issuers,
        method: "POST",
        path: PATH,
        purpose: Purpose::Request,
    }
}

fn seal_request() -> SealRequest<'static> {
    SealRequest {
        issuer: "user",
        audience: "analytics",
        method: "POST",
        path: PATH,
        purpose: Purpose::Request,
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

#[test]
fn another_library_opens_our_envelopes_with_our_key_file() {
    let keys = create_keys();
    let (kid, jwk) = keys.jwk("user");
    let key: JWK<Empty> = serde_json::from_str(&jwk).unwrap();
    let answer = Purpose::Response {
        in_reply_to: Some("the request"),
    };
    for purpose in [Purpose::Request, answer] {
        let before = now();
        let sealed = keys
            .envelopes()
            .seal(
                BODY,
                SealRequest {
                    purpose,
                    ..seal_request()
                },
            )
            .unwrap();

        let opened = Jwe::new_encrypted(&sealed.envelope)
            .decrypt(&key, DIRECT, A256GCM)
            .unwrap();
        let header = opened.header().unwrap();
        assert_eq!(opened.payload().unwrap(), BODY.as_bytes());
        assert_eq!(header.registered.key_id.as_ref(), Some(&kid));
        let private = &header.private;
        assert_eq!(private["iss"], "user");
        assert_eq!(private["aud"], "analytics");
        assert_eq!(private["jti"], sealed.id.as_str());
        assert_eq!(private["htm"], "POST");
        assert_eq!(private["htu"], PATH);
        assert!((before..=now()).contains(&private["iat"].as_u64().unwrap()));
        let is_answer = purpose == answer;
        assert_eq!(private.get("rsp"), is_answer.then_some(&json!(true)));
        assert_eq!(
            private.get("in_reply_to"),
            is_answer.then_some(&json!("the request"))
        );
    }
}

#[test]
fn another_library_does_not_open_our_envelopes_with_another_key() {
    let keys = create_keys();
    let sealed = keys.envelopes().seal(BODY, seal_request()).unwrap();
    let key: JWK<Empty> = serde_json::from_str(&keys.jwk("analytics").1).unwrap();
    assert!(
        Jwe::new_encrypted(&sealed.envelope)
            .decrypt(&key, DIRECT, A256GCM)
            .is_err()
    );
}

/// Seals an envelope with the other library and the key of `user`.
fn foreign_envelope(keys: &Keys, path: &str, nonce: u8) -> String {
    let (kid, jwk) = keys.jwk("user");
    let key: JWK<Empty> = serde_json::from_str(&jwk).unwrap();
    let header = Header {
        registered: RegisteredHeader {
            cek_algorithm: DIRECT,
            enc_algorithm: A256GCM,
            key_id: Some(kid),
            ..RegisteredHeader::default()
        },
        private: json!({
            "iss": "user", "aud": "analytics", "iat": now(), "jti": format!("foreign-{nonce}"),
            "htm": "POST", "htu": path,
        }),
        ..Header::default()
    };
    let options = EncryptionOptions::AES_GCM {
        nonce: vec![nonce; 12],
    };
    let jwe = Jwe::new_decrypted(header, BODY.as_bytes().to_vec());
    let encrypted = jwe.encrypt(&key, &options).unwrap();
    encrypted.unwrap_encrypted().to_string()
}

#[test]
fn envelopes_of_another_library_are_opened() {
    let keys = create_keys();
    let envelopes = keys.envelopes();
    let issuers = ["user".to_owned()];
    let envelope = foreign_envelope(&keys, PATH, 1);
    let opened = envelopes
        .open(&envelope, expected_claims(&issuers))
        .unwrap();
    assert_eq!(opened.payload, BODY);
    assert_eq!(opened.issuer, "user");
    assert_eq!(opened.id, "foreign-1");
    let again = envelopes.open(&envelope, expected_claims(&issuers));
    assert_eq!(again.err(), Some(EnvelopeError::Invalid));

    let elsewhere = foreign_envelope(&keys, "/api/v1/users/register", 2);
    let rejected = envelopes.open(&elsewhere, expected_claims(&issuers));
    assert_eq!(rejected.err(), Some(EnvelopeError::Invalid));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
}

fn access_claims(audience: &str) -> AccessClaims {
    AccessClaims {
        iss: "spindle".to_owned(),
        aud: audience.to_owned(),
        sub: "ada".to_owned(),
        jti: "foreign-1".to_owned(),
    }
}

#[test]
fn another_library_checks_our_tokens_with_our_published_key() {
    let tokens = create_keys().tokens();
    let issued = tokens.issue("ada", None).unwrap();
    let set: Value = serde_json::from_str(&tokens.public_keys()).unwrap();
    let jwk: JsonWebKey<'_> = serde_json::from_value(set["keys"][0].clone()).unwrap();
    let key = (&jwk).try_into().unwrap();

    let untrusted = UntrustedToken::new(&issued.token).unwrap();
    assert_eq!(untrusted.algorithm(), "EdDSA");
    assert_eq!(
        untrusted.header().key_id.as_deref(),
        set["keys"][0]["kid"].as_str()
    );
    assert_eq!(untrusted.header().token_type.as_deref(), Some("at+jwt"));
    let token = Ed25519
        .validator::<AccessClaims>(&key)
        .validate(&untrusted)
        .unwrap();
    let claims = token.claims();
    claims.validate_expiration(&TimeOptions::default()).unwrap();
    let ours = tokens.verify(&issued.token, "user").unwrap();
    assert_eq!(
        claims.expiration.unwrap().timestamp(),
        i64::try_from(ours.expires_at).unwrap()
    );
    assert_eq!(
        claims.custom,
        AccessClaims {
            jti: ours.id,
            ..access_claims("user")
        }
    );
}

#[test]
fn tokens_of_another_library_are_verified() {
    let keys = create_keys();
    let tokens = keys.tokens();
    let (kid, jwk) = keys.jwk("tokens");
    let jwk: JsonWebKey<'_> = serde_json::from_str(&jwk).unwrap();
    let key = (&jwk).try_into().unwrap();
    let header = jwt_compact::Header::empty()
        .with_key_id(kid)
        .with_token_type("at+jwt");
    let sign = |audience: &str| {
        let mut claims = serde_json::to_value(access_claims(audience)).unwrap();
        claims["iat"] = json!(now());
        claims["exp"] = json!(now() + 60);
        Ed25519.token(&header, &Claims::new(claims), &key).unwrap()
    };
    let before = now();
    let claims = tokens.verify(&sign("user"), "user").unwrap();
    assert_eq!(claims.subject, "ada");
    assert_eq!(claims.id, "foreign-1");
    assert!((before + 60..=now() + 60).contains(&claims.expires_at));
    assert_eq!(
        tokens.verify(&sign("other"), "user").err(),
        Some(TokenError::Invalid)
    );
}
