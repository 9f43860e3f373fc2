//! The claims of an access token, and the checks on them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Claims, MAX_SUBJECT_CHARACTERS, TokenSettings};
use crate::sessions::is_session_id;

/// How far in the future `iat` may be. Clocks that follow NTP differ by less. `exp` has no tolerance: a
/// token is not accepted from that second on.
const FUTURE_TOLERANCE_SECONDS: u64 = 5;

/// Why a token is rejected. The word is for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    Expired,
    Invalid(&'static str),
}

/// The payload of a token. Every member except `sid` is required.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) iss: String,
    pub(super) aud: Audience,
    pub(super) sub: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) jti: String,
    /// The session id. `OpenID` Connect defines the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
}

/// For whom a token is: one name or several (RFC 7519, section 4.1.3).
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl From<Vec<String>> for Audience {
    fn from(mut names: Vec<String>) -> Self {
        match names.pop() {
            Some(only) if names.is_empty() => Self::One(only),
            last => {
                names.extend(last);
                Self::Several(names)
            }
        }
    }
}

/// A token whose claims are checked, except that it is for whoever verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) claims: Claims,
    pub(super) audiences: Arc<[String]>,
}

impl Payload {
    /// Checks all claims but the audience. The caller must have verified the signature.
    ///
    /// A token that was issued with a longer lifetime expires after the current one, because an adapter
    /// keeps revoked sessions only for the current lifetime.
    pub(super) fn check(self, settings: &TokenSettings, now: u64) -> Result<Verified, Rejection> {
        let lifetime = settings.lifetime.as_secs();
        let expires_at = self.exp.min(self.iat.saturating_add(lifetime));
        let subject_fits = (1..=MAX_SUBJECT_CHARACTERS).contains(&self.sub.chars().count());
        let reason = if self.iss != settings.issuer {
            "wrong-issuer"
        } else if !subject_fits {
            "wrong-subject"
        } else if self.jti.is_empty() {
            "no-id"
        } else if self.iat > now.saturating_add(FUTURE_TOLERANCE_SECONDS) {
            "from-the-future"
        } else if self.sid.as_deref().is_some_and(|sid| !is_session_id(sid)) {
            "wrong-session"
        } else if expires_at <= now {
            return Err(Rejection::Expired);
        } else {
            let audiences = match self.aud {
                Audience::One(only) => vec![only],
                Audience::Several(names) => names,
            };
            return Ok(Verified {
                claims: Claims {
                    subject: self.sub,
                    id: self.jti,
                    session: self.sid,
                    expires_at,
                },
                audiences: audiences.into(),
            });
        };
        Err(Rejection::Invalid(reason))
    }
}
