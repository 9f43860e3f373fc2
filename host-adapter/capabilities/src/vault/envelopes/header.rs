//! The protected header: the claims of an envelope.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::super::errors::EnvelopeError;
use super::{ExpectedClaims, Purpose, SealRequest, compact};

const ALGORITHM: &str = "dir";
const ENCRYPTION: &str = "A256GCM";

/// Why an envelope of an issuer is rejected that the receiver is not granted to hear.
pub(super) const UNHEARD_ISSUER: &str = "unheard-issuer";

/// The longest id. Receivers keep and log ids. Those made here have 36 characters.
const MAX_ID_BYTES: usize = 128;

/// The header's members.
///
/// Unknown members are ignored, as RFC 7516 requires, unless `crit` lists them. A header with a
/// repeated member is malformed.
#[derive(Serialize, Deserialize)]
pub(super) struct Header<'a> {
    /// Not checked on opening, because these keys seal no other kind of object.
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
    /// True in an answer. Absent in a request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rsp: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<Cow<'a, str>>,
    /// Whether `crit` is present. No extension is supported, so its presence rejects the envelope.
    #[serde(default, deserialize_with = "is_present", skip_serializing)]
    crit: bool,
    /// Whether `zip` is present. Compressed bodies are rejected, because the size of the envelope does
    /// not limit the size of the body.
    #[serde(default, deserialize_with = "is_present", skip_serializing)]
    zip: bool,
}

impl<'a> Header<'a> {
    pub(super) fn new(kid: &'a str, id: &'a str, request: &SealRequest<'a>, now: u64) -> Self {
        let (rsp, in_reply_to) = match request.purpose {
            Purpose::Request => (false, None),
            Purpose::Response { in_reply_to } => (true, in_reply_to),
        };
        Self {
            typ: Some("JOSE".into()),
            alg: ALGORITHM.into(),
            enc: ENCRYPTION.into(),
            kid: kid.into(),
            iss: request.issuer.into(),
            aud: request.audience.into(),
            iat: now,
            jti: id.into(),
            htm: request.method.into(),
            htu: request.path.into(),
            rsp,
            in_reply_to: in_reply_to.map(Cow::from),
            crit: false,
            zip: false,
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, EnvelopeError> {
        serde_json::to_vec(self).map_err(|_| compact::log_failure("header"))
    }

    /// Parses a header and rejects one that this module cannot decrypt. Its claims are not
    /// authenticated yet.
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

    /// Whether the envelope is an answer to `audience`.
    pub(super) fn is_answer_to(&self, audience: &str) -> bool {
        self.rsp && self.aud == audience
    }

    /// Checks that the envelope was made for the request it is opened for.
    pub(super) fn check_claims(&self, expected: &ExpectedClaims<'_>) -> Result<(), &'static str> {
        let purpose = match expected.purpose {
            Purpose::Request => (false, None),
            Purpose::Response { in_reply_to } => (true, in_reply_to),
        };
        if !expected.issuers.iter().any(|issuer| *issuer == self.iss) {
            Err(UNHEARD_ISSUER)
        } else if self.aud != expected.audience {
            Err("wrong-audience")
        } else if self.htm != expected.method {
            Err("wrong-method")
        } else if self.htu != expected.path {
            Err("wrong-path")
        } else if (self.rsp, self.in_reply_to.as_deref()) != purpose {
            Err("wrong-purpose")
        } else if !(1..=MAX_ID_BYTES).contains(&self.jti.len()) {
            Err("wrong-id")
        } else {
            Ok(())
        }
    }
}

/// Returns true for any value of the member, including `null`.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
