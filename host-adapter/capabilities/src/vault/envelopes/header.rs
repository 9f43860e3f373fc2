//! The protected header: what an envelope says of itself.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::super::errors::EnvelopeError;
use super::{Opening, Purpose, Sealing, compact};

const ALGORITHM: &str = "dir";
const ENCRYPTION: &str = "A256GCM";

/// Ids are remembered and logged by others. Ours have 36 characters.
const MAX_ID_BYTES: usize = 128;

/// The header's members. Those not named here are ignored as RFC 7516 asks, unless `crit` lists
/// them; a member that occurs twice makes the header malformed.
#[derive(Serialize, Deserialize)]
pub(super) struct Header<'a> {
    /// Not checked on opening: no other kind of object is made with these keys.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    enc: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) kid: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    pub(super) iat: u64,
    #[serde(borrow)]
    pub(super) jti: Cow<'a, str>,
    #[serde(borrow)]
    htm: Cow<'a, str>,
    #[serde(borrow)]
    htu: Cow<'a, str>,
    /// True in an answer, absent in a request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rsp: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<Cow<'a, str>>,
    /// No extension is understood here, so its presence is reason enough to refuse.
    #[serde(default, deserialize_with = "is_present", skip_serializing)]
    crit: bool,
    /// Compressed bodies are refused: their plain size is not bounded by the envelope's.
    #[serde(default, deserialize_with = "is_present", skip_serializing)]
    zip: bool,
}

impl<'a> Header<'a> {
    pub(super) fn new(kid: &'a str, id: &'a str, sealing: &Sealing<'a>, now: u64) -> Self {
        let (rsp, in_reply_to) = match sealing.purpose {
            Purpose::Request => (false, None),
            Purpose::Response { in_reply_to } => (true, in_reply_to),
        };
        Self {
            typ: Some("JOSE".into()),
            alg: ALGORITHM.into(),
            enc: ENCRYPTION.into(),
            kid: kid.into(),
            iss: sealing.issuer.into(),
            aud: sealing.audience.into(),
            iat: now,
            jti: id.into(),
            htm: sealing.method.into(),
            htu: sealing.path.into(),
            rsp,
            in_reply_to: in_reply_to.map(Cow::from),
            crit: false,
            zip: false,
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, EnvelopeError> {
        serde_json::to_vec(self).map_err(|_| compact::failed("header"))
    }

    /// Read the header and refuse what cannot be decrypted here. Nothing in it is proven yet.
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, &'static str> {
        let header: Self = serde_json::from_slice(json).map_err(|_| "malformed-header")?;
        if header.alg != ALGORITHM || header.enc != ENCRYPTION {
            return Err("wrong-algorithm");
        }
        if header.crit {
            return Err("critical-extension");
        }
        if header.zip {
            return Err("compressed");
        }
        Ok(header)
    }

    /// Whether the envelope was made for what it is opened for.
    pub(super) fn check_target(&self, opening: &Opening<'_>) -> Result<(), &'static str> {
        let expected = match opening.purpose {
            Purpose::Request => (false, None),
            Purpose::Response { in_reply_to } => (true, in_reply_to),
        };
        if !opening.issuers.iter().any(|issuer| *issuer == self.iss) {
            Err("unheard-issuer")
        } else if self.aud != opening.audience {
            Err("wrong-audience")
        } else if self.htm != opening.method {
            Err("wrong-method")
        } else if self.htu != opening.path {
            Err("wrong-path")
        } else if (self.rsp, self.in_reply_to.as_deref()) != expected {
            Err("wrong-purpose")
        } else if !(1..=MAX_ID_BYTES).contains(&self.jti.len()) {
            Err("wrong-id")
        } else {
            Ok(())
        }
    }
}

/// True whatever the member's value is, `null` included.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
