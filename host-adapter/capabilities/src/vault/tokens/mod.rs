//! Access tokens: JWTs (RFC 7519, profile of RFC 9068) signed with Ed25519.
//!
//! The header of a token selects the key and nothing else. The algorithm is fixed. Every claim but the
//! audience is checked in one function of [`claims`], and none in the library, so that the requirements can be
//! read in one place. The audience depends on the component that verifies.

mod cache;
mod claims;
mod eddsa;
#[cfg(test)]
mod fuzz;
mod settings;
mod signing;

use std::sync::{Arc, PoisonError, RwLock};

use jsonwebtoken::Header;
use serde_json::json;
use uuid::Uuid;

use self::cache::Cache;
use self::claims::{Payload, Rejection, Verified};
pub use self::settings::{EVERY_VERIFIER, TokenSettings};
use self::signing::TokenKeys;
use crate::metrics::METRICS;

use super::clock::unix_now;
use super::errors::{SettingError, TokenError};
use super::keys::KeyRing;
use crate::sessions::{self, Revocations, SessionStatus};

pub use adapter_contract::tokens::{Claims, Token};

/// The longest subject of a token in characters. A user's id has 36.
pub const MAX_SUBJECT_CHARACTERS: usize = 200;

/// The longest token that is parsed, in bytes. A token with a subject of usual length and two audiences has
/// about 450. One with everything at its limit has fewer.
const MAX_TOKEN_BYTES: usize = 8_192;

/// How many verified tokens are cached, at about 300 bytes each.
const CACHE_CAPACITY: usize = 4_096;

/// The type of an access token (RFC 9068, section 2.1). A JWT of another type is rejected.
const TOKEN_TYPE: &str = "at+jwt";

/// Issues and verifies access tokens.
pub struct Tokens {
    settings: TokenSettings,
    lifetime: u32,
    /// A reading of the key directory replaces them.
    keys: RwLock<Arc<TokenKeys>>,
    cache: Cache,
    revocations: Option<Arc<Revocations>>,
}

impl Tokens {
    /// Signs with the ring's active signing key, and verifies with every signing key that has not
    /// expired.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for a setting outside its limits.
    pub fn new(settings: TokenSettings, keys: &KeyRing) -> Result<Self, SettingError> {
        eddsa::install();
        let keys = TokenKeys::new(keys);
        keys.signer(unix_now())?;
        Ok(Self {
            lifetime: settings.check()?,
            keys: RwLock::new(Arc::new(keys)),
            cache: Cache::new(CACHE_CAPACITY),
            revocations: None,
            settings,
        })
    }

    /// Goes on with the keys of another ring.
    pub(super) fn use_keys(&self, ring: &KeyRing) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = Arc::new(TokenKeys::new(ring));
        drop(keys);
        // A key may be gone, and tokens of it must not be accepted any more.
        self.cache.clear();
    }

    fn keys(&self) -> Arc<TokenKeys> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    /// Checks the sessions of tokens against `revocations`. Without revocations, no token that belongs
    /// to a session is accepted.
    #[must_use]
    pub fn with_revocations(self, revocations: Arc<Revocations>) -> Self {
        Self {
            revocations: Some(revocations),
            ..self
        }
    }

    /// Issues a token to `subject`, with the audiences and the lifetime from the settings. If the token belongs to a
    /// `session`, it is no longer accepted when that ends.
    ///
    /// # Errors
    ///
    /// [`TokenError::InvalidSubject`] for a subject that is empty or longer than
    /// [`MAX_SUBJECT_CHARACTERS`], [`TokenError::InvalidSession`] for an invalid session id, and
    /// [`TokenError::SigningFailed`] for an internal failure.
    pub fn issue(&self, subject: &str, session: Option<&str>) -> Result<Token, TokenError> {
        self.sign(subject, session, self.settings.audiences.clone())
    }

    /// Like [`Tokens::issue`], for some of the audiences from the settings only.
    ///
    /// # Errors
    ///
    /// [`TokenError::UnknownAudience`] if `audiences` is empty or has another one, and those of [`Tokens::issue`].
    pub fn issue_for(
        &self,
        subject: &str,
        session: Option<&str>,
        audiences: Vec<String>,
    ) -> Result<Token, TokenError> {
        let known = |name: &String| self.settings.audiences.contains(name);
        if audiences.is_empty() || !audiences.iter().all(known) {
            return Err(TokenError::UnknownAudience);
        }
        self.sign(subject, session, audiences)
    }

    fn sign(
        &self,
        subject: &str,
        session: Option<&str>,
        audiences: Vec<String>,
    ) -> Result<Token, TokenError> {
        if !(1..=MAX_SUBJECT_CHARACTERS).contains(&subject.chars().count()) {
            return Err(TokenError::InvalidSubject);
        }
        if !session.is_none_or(sessions::is_session_id) {
            return Err(TokenError::InvalidSession);
        }
        let now = unix_now();
        let payload = Payload {
            iss: self.settings.issuer.clone(),
            aud: audiences.into(),
            sub: subject.to_owned(),
            iat: now,
            exp: now.saturating_add(u64::from(self.lifetime)),
            jti: Uuid::now_v7().to_string(),
            sid: session.map(str::to_owned),
        };
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(error = %error, "signing an access token failed");
            TokenError::SigningFailed
        };
        let keys = self.keys();
        let signer = keys.signer(now).map_err(|error| failed(&error))?;
        let token = signer.sign(&payload).map_err(|error| failed(&error))?;
        Ok(Token {
            token,
            expires_in: self.lifetime,
        })
    }

    /// Verifies a token for the component `audience`, and returns its claims.
    ///
    /// # Errors
    ///
    /// [`TokenError::Expired`] if the token has expired, [`TokenError::SessionRevoked`] if its session
    /// has ended, [`TokenError::SessionUnknown`] if the adapter does not know at the moment whether the
    /// session has ended, and [`TokenError::Invalid`] for every other reason to reject it.
    pub fn verify(&self, token: &str, audience: &str) -> Result<Claims, TokenError> {
        let claims = self.verify_at(token, audience, unix_now())?;
        match &claims.session {
            Some(session) => self
                .check_session(session, claims.expires_at)
                .map(|()| claims),
            None => Ok(claims),
        }
    }

    fn check_session(&self, session: &str, expires_at: u64) -> Result<(), TokenError> {
        let revocations = self.revocations.as_ref();
        let status = revocations.map_or(SessionStatus::Unknown, |known| {
            known.status(session, expires_at)
        });
        match status {
            SessionStatus::Active => Ok(()),
            SessionStatus::Revoked => {
                METRICS.rejected("token", "session-revoked");
                Err(TokenError::SessionRevoked)
            }
            SessionStatus::Unknown => Err(TokenError::SessionUnknown),
        }
    }

    /// The keys that verify tokens, those that will sign among them: a JWK Set (RFC 7517) as JSON text.
    #[must_use]
    pub fn public_keys(&self) -> String {
        let keys = self.keys();
        json!({ "keys": keys.verifiers.public_keys(unix_now()) }).to_string()
    }

    fn verify_at(&self, token: &str, audience: &str, now: u64) -> Result<Claims, TokenError> {
        let verified = match self.cache.get(token, now) {
            Some(verified) => verified,
            None => self.verify_uncached(token, now)?,
        };
        if verified.audiences.iter().any(|name| name == audience) {
            return Ok(verified.claims);
        }
        METRICS.rejected("token", "wrong-audience");
        tracing::warn!(
            reason = "wrong-audience",
            audience,
            "rejected an access token that is not for `{audience}`: if it should be, name `{audience}` in \
             `tokens.audiences`"
        );
        Err(TokenError::Invalid)
    }

    fn verify_uncached(&self, token: &str, now: u64) -> Result<Verified, TokenError> {
        match self.check(token, now) {
            Ok((verified, key_readable_until)) => {
                self.cache.put(token, &verified, key_readable_until);
                Ok(verified)
            }
            Err(Rejection::Expired) => {
                METRICS.rejected("token", "expired");
                Err(TokenError::Expired)
            }
            Err(Rejection::Invalid(reason)) => {
                METRICS.rejected("token", reason);
                tracing::warn!(reason, "rejected an access token");
                Err(TokenError::Invalid)
            }
        }
    }

    fn check(&self, token: &str, now: u64) -> Result<(Verified, Option<u64>), Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::Invalid("too-long"));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| Rejection::Invalid("malformed"))?;
        let kid = check_header(&header)?;
        let keys = self.keys();
        let verifier = keys
            .verifiers
            .find(kid, now)
            .ok_or(Rejection::Invalid("unknown-key"))?;
        let verified = verifier
            .verify_signature(token)?
            .check(&self.settings, now)?;
        Ok((verified, verifier.readable_until))
    }
}

/// Checks the header and returns the key id. The algorithm is checked with the signature.
fn check_header(header: &Header) -> Result<&str, Rejection> {
    if header.typ.as_deref() != Some(TOKEN_TYPE) {
        return Err(Rejection::Invalid("wrong-type"));
    }
    // RFC 7515, section 4.1.11: a token with an unsupported critical extension must be rejected.
    if header.crit.is_some() {
        return Err(Rejection::Invalid("critical-extension"));
    }
    header.kid.as_deref().ok_or(Rejection::Invalid("no-key-id"))
}

#[cfg(test)]
mod tests;
