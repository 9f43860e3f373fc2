//! The claims of an access token, and the checks on them.

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

/// The payload of a token. Every member except `sid` is required. `aud` must be a single string, as in
/// every token that this module issues.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) jti: String,
    /// The session id. `OpenID` Connect defines the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
}

impl Payload {
    /// Checks all claims. The caller must have verified the signature.
    ///
    /// A token that was issued with a longer lifetime expires after the current one, because an adapter
    /// keeps revoked sessions only for the current lifetime.
    pub(super) fn check(self, settings: &TokenSettings, now: u64) -> Result<Claims, Rejection> {
        let lifetime = settings.lifetime.as_secs();
        let expires_at = self.exp.min(self.iat.saturating_add(lifetime));
        let subject_fits = (1..=MAX_SUBJECT_CHARACTERS).contains(&self.sub.chars().count());
        let reason = if self.iss != settings.issuer {
            "wrong-issuer"
        } else if self.aud != settings.audience {
            "wrong-audience"
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
            return Ok(Claims {
                subject: self.sub,
                id: self.jti,
                session: self.sid,
                expires_at,
            });
        };
        Err(Rejection::Invalid(reason))
    }
}
