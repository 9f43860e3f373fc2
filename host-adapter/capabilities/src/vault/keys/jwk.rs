//! One key, and the JWK (RFC 7517) it is stored as.
//!
//! Every key is 32 secret bytes; what they are for follows from the owner's name. The file says it
//! again in the standard members (`kty`, `use`, `alg`, `crv`), so that other tools can use it, and
//! reading refuses a file in which the two disagree.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::names::{self, KeyKind};

/// Key bytes, 256 bits for each of the three kinds.
const KEY_BYTES: usize = 32;

/// Key ids go into every token and envelope, and into log lines.
const MAX_KID_BYTES: usize = 128;

/// A key in memory. `Debug` is left out on purpose.
pub(in super::super) struct Key {
    kid: String,
    owner: String,
    created: u64,
    development: bool,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

/// Why a file is no key that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not the JWK of a key of ours.
    Unusable(String),
    /// A key of ours, too weak to use.
    Weak { owner: String, reason: &'static str },
}

impl Key {
    pub(super) fn new(
        kid: String,
        owner: &str,
        created: u64,
        development: bool,
        secret: Zeroizing<[u8; KEY_BYTES]>,
    ) -> Self {
        let owner = owner.to_owned();
        Self {
            kid,
            owner,
            created,
            development,
            secret,
        }
    }

    /// Read a key file's text.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, Refusal> {
        let jwk: Jwk = serde_json::from_slice(json).map_err(|_| {
            unusable("is not a JSON Web Key with `kty`, `use`, `alg`, `kid`, `owner` and `created`")
        })?;
        names::check(&jwk.owner).map_err(|_| unusable("has an `owner` that cannot own a key"))?;
        if !(1..=MAX_KID_BYTES).contains(&jwk.kid.len())
            || !jwk.kid.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(unusable(
                "has a `kid` that is not 1 to 128 visible ASCII characters",
            ));
        }
        let expected = Members::of(KeyKind::of(&jwk.owner));
        if !expected.agree_with(&jwk) {
            return Err(Refusal::Unusable(format!(
                "is not of the kind that `{}` needs: {expected}",
                jwk.owner
            )));
        }
        let secret = secret_of(&jwk)?;
        let key = Self {
            secret,
            kid: jwk.kid,
            owner: jwk.owner,
            created: jwk.created,
            development: jwk.development,
        };
        match jwk.x {
            Some(x) if x != key.public() => {
                Err(unusable("has an `x` that does not belong to its `d`"))
            }
            _ => Ok(key),
        }
    }

    /// The text to store. The buffer is overwritten when dropped.
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
            development: self.development,
            x: signing.then(|| self.public()),
            d: if signing { secret() } else { None },
            k: if signing { None } else { secret() },
        };
        // Growing would leave copies of the key behind in freed memory.
        let mut json = Zeroizing::new(Vec::with_capacity(1024));
        // Neither a vector nor a structure of strings can make serialization fail.
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

    pub(super) fn development(&self) -> bool {
        self.development
    }

    pub(in super::super) fn kind(&self) -> KeyKind {
        KeyKind::of(&self.owner)
    }

    pub(in super::super) fn secret(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }

    /// The Ed25519 public key as base64url, the member `x`. Meaningless for the other kinds.
    pub(in super::super) fn public(&self) -> String {
        let public = SigningKey::from_bytes(&self.secret).verifying_key();
        URL_SAFE_NO_PAD.encode(public.as_bytes())
    }
}

/// The file's members. Others are ignored, as RFC 7517 asks.
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    development: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<SecretText>,
}

/// What the standard members say of each kind.
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

fn secret_of(jwk: &Jwk) -> Result<Zeroizing<[u8; KEY_BYTES]>, Refusal> {
    let (member, text) = match KeyKind::of(&jwk.owner) {
        KeyKind::Signing => ("d", &jwk.d),
        KeyKind::Envelope | KeyKind::Derivation => ("k", &jwk.k),
    };
    let weak = |reason| Refusal::Weak {
        owner: jwk.owner.clone(),
        reason,
    };
    let text = text
        .as_ref()
        .ok_or_else(|| Refusal::Unusable(format!("has no `{member}`")))?;
    let bytes = URL_SAFE_NO_PAD
        .decode(text.0.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| Refusal::Unusable(format!("has a `{member}` that is not base64url")))?;
    let secret = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| weak("does not hold a key of 32 bytes"))?;
    match secret.split_first() {
        Some((first, rest)) if rest.iter().any(|byte| byte != first) => Ok(secret),
        _ => Err(weak("holds a key of 32 equal bytes")),
    }
}

fn unusable(reason: &str) -> Refusal {
    Refusal::Unusable(reason.to_owned())
}

/// Base64url text of key bytes, overwritten when dropped.
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
