//! The signing keys in the form that the JWT library takes.

use std::collections::HashMap;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::errors::SettingError;
use super::super::keys::{KeyKind, KeyRing, Period, RingKey};
use super::TOKEN_TYPE;
use super::claims::{Payload, Rejection};

/// The bytes of a PKCS #8 document with an Ed25519 key (RFC 8410, section 7) before the 32 bytes of the
/// key. The library takes a private key only in this form.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The signing keys of one reading of the key directory.
pub(super) struct TokenKeys {
    /// Newest first.
    signers: Vec<Signer>,
    pub(super) verifiers: Verifiers,
}

impl TokenKeys {
    pub(super) fn new(ring: &KeyRing) -> Self {
        Self {
            signers: ring
                .keys_of_kind(KeyKind::Signing)
                .map(Signer::new)
                .collect(),
            verifiers: Verifiers::new(ring),
        }
    }

    /// The key that signs at `now`.
    pub(super) fn signer(&self, now: u64) -> Result<&Signer, SettingError> {
        let mut signers = self.signers.iter();
        let active = signers.find(|signer| signer.active_from <= now);
        active.ok_or_else(|| SettingError {
            name: "keys",
            expected: "a ring with an active signing key".to_owned(),
            found: "none".to_owned(),
        })
    }
}

/// A key that signs, or will. The library overwrites its copy of the key when it is dropped.
pub(super) struct Signer {
    header: Header,
    key: EncodingKey,
    active_from: u64,
}

impl Signer {
    fn new(ring_key: &RingKey) -> Self {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(ring_key.key.kid().to_owned());
        let der = Zeroizing::new([PKCS8_PREFIX.as_slice(), ring_key.key.secret()].concat());
        Self {
            header,
            key: EncodingKey::from_ed_der(&der),
            active_from: ring_key.period.active_from,
        }
    }

    pub(super) fn sign(&self, payload: &Payload) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&self.header, payload, &self.key)
    }
}

/// All keys that verify tokens. Those that will sign are among them, so that everyone has them before.
pub(super) struct Verifiers {
    /// By key id.
    by_kid: HashMap<String, Verifier>,
    /// The library checks the signature and the algorithm. `Payload::check` checks the claims.
    validation: Validation,
}

/// One key that verifies tokens.
struct Verifier {
    key: DecodingKey,
    period: Period,
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
                period: ring_key.period,
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
            readable_until: verifier.period.readable_until,
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
        self.period.is_readable(now)
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
