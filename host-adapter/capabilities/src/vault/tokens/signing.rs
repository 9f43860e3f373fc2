//! The signing keys in the form that the JWT library takes.

use std::collections::HashMap;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::errors::SettingError;
use super::super::keys::{KeyKind, KeyRing, KeyState, RingKey};
use super::TOKEN_TYPE;
use super::claims::{Payload, Rejection};

/// The bytes of a PKCS #8 document with an Ed25519 key (RFC 8410, section 7) before the 32 bytes of the
/// key. The library takes a private key only in this form.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The active key. The library overwrites its copy of the key when it is dropped.
#[derive(Clone)]
pub(super) struct Signer {
    header: Header,
    key: EncodingKey,
}

impl Signer {
    pub(super) fn new(keys: &KeyRing) -> Result<Self, SettingError> {
        let active = keys
            .keys_of_kind(KeyKind::Signing)
            .find(|ring_key| ring_key.readable_until.is_none());
        let Some(active) = active else {
            return Err(SettingError {
                name: "keys",
                expected: "a ring with an active signing key".to_owned(),
                found: "none".to_owned(),
            });
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(active.key.kid().to_owned());
        let der = Zeroizing::new([PKCS8_PREFIX.as_slice(), active.key.secret()].concat());
        Ok(Self {
            header,
            key: EncodingKey::from_ed_der(&der),
        })
    }

    pub(super) fn sign(&self, payload: &Payload) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&self.header, payload, &self.key)
    }
}

/// All keys that verify tokens.
#[derive(Clone)]
pub(super) struct Verifiers {
    /// By key id.
    by_kid: HashMap<String, Verifier>,
    /// The library checks the signature and the algorithm. `Payload::check` checks the claims.
    validation: Validation,
}

/// One key that verifies tokens.
#[derive(Clone)]
struct Verifier {
    key: DecodingKey,
    readable_until: Option<u64>,
    jwk: Value,
}

/// The key that verifies one token.
pub(super) struct MatchingKey<'a> {
    verifier: &'a Verifier,
    validation: &'a Validation,
    pub(super) readable_until: Option<u64>,
}

impl Verifiers {
    pub(super) fn new(keys: &KeyRing) -> Self {
        let verifier = |ring_key: &RingKey| {
            let key = DecodingKey::from_ed_components(&ring_key.key.public_key()).ok()?;
            let verifier = Verifier {
                key,
                readable_until: ring_key.readable_until,
                jwk: public_jwk(ring_key),
            };
            Some((ring_key.key.kid().to_owned(), verifier))
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            by_kid: keys
                .keys_of_kind(KeyKind::Signing)
                .filter_map(verifier)
                .collect(),
            validation,
        }
    }

    pub(super) fn find(&self, kid: &str, now: u64) -> Option<MatchingKey<'_>> {
        let verifier = self
            .by_kid
            .get(kid)
            .filter(|verifier| verifier.is_readable(now))?;
        Some(MatchingKey {
            verifier,
            validation: &self.validation,
            readable_until: verifier.readable_until,
        })
    }

    pub(super) fn public_keys(&self, now: u64) -> Vec<&Value> {
        let readable = self
            .by_kid
            .values()
            .filter(|verifier| verifier.is_readable(now));
        readable.map(|verifier| &verifier.jwk).collect()
    }
}

impl Verifier {
    fn is_readable(&self, now: u64) -> bool {
        KeyState::at(self.readable_until, now) != KeyState::Expired
    }
}

impl MatchingKey<'_> {
    /// Verifies the signature and returns the payload, whose claims are not checked yet.
    pub(super) fn verify_signature(&self, token: &str) -> Result<Payload, Rejection> {
        jsonwebtoken::decode(token, &self.verifier.key, self.validation)
            .map(|data| data.claims)
            .map_err(|error| {
                Rejection::Invalid(match error.kind() {
                    ErrorKind::InvalidAlgorithm => "wrong-algorithm",
                    ErrorKind::InvalidSignature => "wrong-signature",
                    ErrorKind::Json(_) => "missing-claim",
                    _ => "malformed",
                })
            })
    }
}

fn public_jwk(ring_key: &RingKey) -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": ring_key.key.kid(),
        "x": ring_key.key.public_key(),
    })
}
