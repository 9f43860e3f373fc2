//! The claims of an access token, and what must be true of them.

use serde::{Deserialize, Serialize};

use super::{MAX_SUBJECT_CHARACTERS, TokenSettings};

/// The clocks of two machines that are kept right differ by less. There is no such tolerance at
/// the other end: a token is not good a second longer than it says.
const FUTURE_TOLERANCE_SECONDS: u64 = 5;

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who it was issued to.
    pub subject: String,
    /// The token's own id.
    pub id: String,
    /// When it expires, in seconds since 1970.
    pub expires_at: u64,
}

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
}

impl Payload {
    /// Only to be called once the signature is known to be ours.
    pub(super) fn check(self, settings: &TokenSettings, now: u64) -> Result<Claims, Refusal> {
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
        } else if self.exp <= now {
            return Err(Refusal::Expired);
        } else {
            return Ok(Claims {
                subject: self.sub,
                id: self.jti,
                expires_at: self.exp,
            });
        };
        Err(Refusal::Invalid(refused))
    }
}
