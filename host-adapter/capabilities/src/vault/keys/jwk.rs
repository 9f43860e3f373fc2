//! A key and its JWK (RFC 7517), the form in which it is stored.
//!
//! Every key is 32 secret bytes. The owner's name decides what the key is for. The file repeats this in
//! the standard members (`kty`, `use`, `alg`, `crv`), so that other tools can use it. A file in which
//! the members and the owner's name disagree is rejected.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::names::{self, KeyKind};

/// The length of a key in bytes. All three kinds have 256 bits.
const KEY_BYTES: usize = 32;

/// The longest key id in bytes. Every token and envelope contains one, and so do log lines.
const MAX_KID_BYTES: usize = 128;

/// A key in memory. It does not implement `Debug`, so that it cannot be logged.
pub(in super::super) struct Key {
    kid: String,
    owner: String,
    created: u64,
    active_from: Option<u64>,
    development: bool,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

/// Why a file cannot be used as a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyRejection {
    /// The file is not the JWK of a key that this module can use.
    Invalid(String),
    /// The key is too weak to be used.
    Weak { owner: String, reason: &'static str },
}

impl Key {
    pub(super) fn new(
        kid: String,
        owner: &str,
        created: u64,
        active_from: Option<u64>,
        development: bool,
        secret: Zeroizing<[u8; KEY_BYTES]>,
    ) -> Self {
        let owner = owner.to_owned();
        Self {
            kid,
            owner,
            created,
            active_from,
            development,
            secret,
        }
    }

    /// Parses the content of a key file.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, KeyRejection> {
        let jwk: Jwk = serde_json::from_slice(json).map_err(|_| {
            invalid("is not a JSON Web Key with `kty`, `use`, `alg`, `kid`, `owner` and `created`")
        })?;
        names::check_owner(&jwk.owner)
            .map_err(|_| invalid("has an `owner` that is not a valid owner name"))?;
        if !(1..=MAX_KID_BYTES).contains(&jwk.kid.len())
            || !jwk.kid.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(invalid(
                "has a `kid` that is not 1 to 128 visible ASCII characters",
            ));
        }
        let expected = Members::of(KeyKind::of(&jwk.owner));
        if !expected.agree_with(&jwk) {
            return Err(KeyRejection::Invalid(format!(
                "does not have the members that a key of `{}` needs: {expected}",
                jwk.owner
            )));
        }
        let secret = decode_secret(&jwk)?;
        let key = Self {
            secret,
            kid: jwk.kid,
            owner: jwk.owner,
            created: jwk.created,
            active_from: jwk.active_from,
            development: jwk.development,
        };
        match jwk.x {
            Some(x) if x != key.public_key() => {
                Err(invalid("has an `x` that does not belong to its `d`"))
            }
            _ => Ok(key),
        }
    }

    /// Formats the key as JSON. The buffer is overwritten when it is dropped.
    pub(super) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let members = Members::of(self.kind());
        let secret = || {
            Some(SecretText(Zeroizing::new(
                URL_SAFE_NO_PAD.encode(*self.secret),
            )))
        };
        let signing = self.kind() == KeyKind::Signing;
        let jwk = Jwk {
            kty: members.kty.to_owned(),
            r#use: members.r#use.to_owned(),
            alg: members.alg.to_owned(),
            crv: members.crv.map(str::to_owned),
            kid: self.kid.clone(),
            owner: self.owner.clone(),
            created: self.created,
            active_from: self.active_from,
            development: self.development,
            x: signing.then(|| self.public_key()),
            d: if signing { secret() } else { None },
            k: if signing { None } else { secret() },
        };
        // The capacity is sufficient: growing would leave copies of the key in freed memory.
        let mut json = Zeroizing::new(Vec::with_capacity(1024));
        // Serializing strings into a vector cannot fail.
        let _ = serde_json::to_writer(&mut *json, &jwk);
        json
    }

    pub(in super::super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(in super::super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn created(&self) -> u64 {
        self.created
    }

    /// When the key begins to seal and sign. `None` if it did so at once.
    pub(super) fn active_from(&self) -> Option<u64> {
        self.active_from
    }

    pub(super) fn development(&self) -> bool {
        self.development
    }

    pub(in super::super) fn kind(&self) -> KeyKind {
        KeyKind::of(&self.owner)
    }

    pub(in super::super) fn secret(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }

    /// The Ed25519 public key in base64url, the member `x`. Meaningful only for signing keys.
    pub(in super::super) fn public_key(&self) -> String {
        let public = SigningKey::from_bytes(&self.secret).verifying_key();
        URL_SAFE_NO_PAD.encode(public.as_bytes())
    }
}

/// The members of a key file. Other members are ignored, as RFC 7517 requires.
#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    r#use: String,
    alg: String,
    kid: String,
    owner: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active_from: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    development: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<SecretText>,
}

/// The values of the standard members for one kind of key.
struct Members {
    kty: &'static str,
    crv: Option<&'static str>,
    r#use: &'static str,
    alg: &'static str,
}

impl Members {
    fn of(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Envelope => Self {
                kty: "oct",
                crv: None,
                r#use: "enc",
                alg: "A256GCM",
            },
            KeyKind::Signing => Self {
                kty: "OKP",
                crv: Some("Ed25519"),
                r#use: "sig",
                alg: "EdDSA",
            },
            KeyKind::Derivation => Self {
                kty: "oct",
                crv: None,
                r#use: "sig",
                alg: "HS256",
            },
        }
    }

    fn agree_with(&self, jwk: &Jwk) -> bool {
        self.kty == jwk.kty
            && self.crv == jwk.crv.as_deref()
            && self.r#use == jwk.r#use
            && self.alg == jwk.alg
            && (self.crv.is_some() == jwk.x.is_some())
    }
}

impl fmt::Display for Members {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`kty` `{}`, `use` `{}`, `alg` `{}`",
            self.kty, self.r#use, self.alg
        )?;
        match self.crv {
            Some(crv) => write!(formatter, ", `crv` `{crv}` and `x`"),
            None => Ok(()),
        }
    }
}

fn decode_secret(jwk: &Jwk) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyRejection> {
    let (member, text) = match KeyKind::of(&jwk.owner) {
        KeyKind::Signing => ("d", &jwk.d),
        KeyKind::Envelope | KeyKind::Derivation => ("k", &jwk.k),
    };
    let weak = |reason| KeyRejection::Weak {
        owner: jwk.owner.clone(),
        reason,
    };
    let text = text
        .as_ref()
        .ok_or_else(|| KeyRejection::Invalid(format!("does not have the member `{member}`")))?;
    let bytes = URL_SAFE_NO_PAD
        .decode(text.0.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| KeyRejection::Invalid(format!("has a `{member}` that is not base64url")))?;
    let secret = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| weak("does not hold a key of 32 bytes"))?;
    match secret.split_first() {
        Some((first, rest)) if rest.iter().any(|byte| byte != first) => Ok(secret),
        _ => Err(weak("holds a key of 32 equal bytes")),
    }
}

fn invalid(reason: &str) -> KeyRejection {
    KeyRejection::Invalid(reason.to_owned())
}

/// The bytes of a key in base64url. The text is overwritten when it is dropped.
struct SecretText(Zeroizing<String>);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}
