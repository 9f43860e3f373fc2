//! The claims of an access token, and what must be true of them.

use serde::{Deserialize, Serialize};

use super::{Claims, MAX_SUBJECT_CHARACTERS, TokenSettings};
use crate::sessions::is_id;

/// The clocks of two machines that are kept right differ by less. There is no such tolerance at
/// the other end: a token is not good a second longer than it says.
const FUTURE_TOLERANCE_SECONDS: u64 = 5;

/// Why a token is not accepted. The word is for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Expired,
    Invalid(&'static str),
}

/// The payload of a token. None of its members may be missing or of another type; in particular
/// `aud` is one text, as ours always are.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: String,
    pub(super) iat: u64,
    pub(super) exp: u64,
    pub(super) jti: String,
    /// Named as in `OpenID` Connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
}

impl Payload {
    /// Only to be called once the signature is known to be ours.
    ///
    /// A token from a time when tokens lived longer ends as if it were issued today: an ended
    /// session is forgotten after as long as a token lives now.
    pub(super) fn check(self, settings: &TokenSettings, now: u64) -> Result<Claims, Refusal> {
        let lifetime = settings.lifetime.as_secs();
        let expires_at = self.exp.min(self.iat.saturating_add(lifetime));
        let subject_fits = (1..=MAX_SUBJECT_CHARACTERS).contains(&self.sub.chars().count());
        let refused = if self.iss != settings.issuer {
            "wrong-issuer"
        } else if self.aud != settings.audience {
            "wrong-audience"
        } else if !subject_fits {
            "wrong-subject"
        } else if self.jti.is_empty() {
            "no-id"
        } else if self.iat > now.saturating_add(FUTURE_TOLERANCE_SECONDS) {
            "from-the-future"
        } else if self.sid.as_deref().is_some_and(|sid| !is_id(sid)) {
            "wrong-session"
        } else if expires_at <= now {
            return Err(Refusal::Expired);
        } else {
            return Ok(Claims {
                subject: self.sub,
                id: self.jti,
                session: self.sid,
                expires_at,
            });
        };
        Err(Refusal::Invalid(refused))
    }
}
