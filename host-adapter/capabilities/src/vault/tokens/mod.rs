//! Access tokens: JWTs (RFC 7519, profile of RFC 9068) signed with Ed25519.
//!
//! The hard decision: the token's own header chooses nothing but which of our keys to look at. The
//! algorithm is pinned, and every claim is checked here in one place ([`claims`]) instead of partly
//! in the library, so that what is required can be read off one function.

mod cache;
mod claims;
mod eddsa;
mod settings;
mod signing;

use std::sync::Arc;

use jsonwebtoken::Header;
use serde_json::json;
use uuid::Uuid;

use self::cache::Cache;
use self::claims::{Payload, Refusal};
pub use self::settings::TokenSettings;
use self::signing::{Signer, Verifiers};
use super::clock::unix_now;
use super::errors::{SettingError, TokenError};
use super::keys::KeyRing;
use crate::sessions::{self, Standing};

pub use adapter_contract::tokens::{Claims, Token};

/// The longest subject of a token, in characters. A user's id has 36.
pub const MAX_SUBJECT_CHARACTERS: usize = 200;

/// The longest token looked at. Ours have some 400 bytes with a subject of usual length.
const MAX_TOKEN_BYTES: usize = 4_096;

/// How many verified tokens are remembered, at some 300 bytes each. One more starts over.
const CACHE_CAPACITY: usize = 4_096;

/// The type of an access token (RFC 9068, section 2.1): keeps other JWTs from passing for one.
const TOKEN_TYPE: &str = "at+jwt";

/// Issues and checks access tokens.
pub struct Tokens {
    settings: TokenSettings,
    lifetime: u32,
    signer: Signer,
    verifiers: Verifiers,
    cache: Cache,
    ended: Option<Arc<sessions::Memory>>,
}

impl Tokens {
    /// Sign with the ring's newest signing key, accept all of them while they can be read.
    ///
    /// # Errors
    ///
    /// A setting outside its limits.
    pub fn new(settings: TokenSettings, keys: &KeyRing) -> Result<Self, SettingError> {
        eddsa::install();
        Ok(Self {
            lifetime: settings.check()?,
            signer: Signer::new(keys)?,
            verifiers: Verifiers::new(keys),
            cache: Cache::new(CACHE_CAPACITY),
            ended: None,
            settings,
        })
    }

    /// The same, knowing which sessions have ended. Without that no token of a session is accepted.
    #[must_use]
    pub fn knowing(self, ended: Arc<sessions::Memory>) -> Self {
        Self {
            ended: Some(ended),
            ..self
        }
    }

    /// Issue a token to `subject`, for as long as the settings say. If it belongs to a `session`, it
    /// ends with that.
    ///
    /// # Errors
    ///
    /// [`TokenError::Subject`] for an empty subject or one above [`MAX_SUBJECT_CHARACTERS`],
    /// [`TokenError::Session`] for what is no session's id.
    pub fn issue(&self, subject: &str, session: Option<&str>) -> Result<Token, TokenError> {
        if !(1..=MAX_SUBJECT_CHARACTERS).contains(&subject.chars().count()) {
            return Err(TokenError::Subject);
        }
        if !session.is_none_or(sessions::is_id) {
            return Err(TokenError::Session);
        }
        let now = unix_now();
        let payload = Payload {
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            sub: subject.to_owned(),
            iat: now,
            exp: now.saturating_add(u64::from(self.lifetime)),
            jti: Uuid::now_v7().to_string(),
            sid: session.map(str::to_owned),
        };
        let token = self.signer.sign(&payload).map_err(|error| {
            tracing::error!(error = %error, "signing an access token failed");
            TokenError::Signing
        })?;
        Ok(Token {
            token,
            expires_in: self.lifetime,
        })
    }

    /// Check a token and return what it says.
    ///
    /// # Errors
    ///
    /// [`TokenError::Expired`] for one of ours past its time, [`TokenError::Ended`] for one whose
    /// session has ended, [`TokenError::Unknown`] if nobody can say at present whether it has, and
    /// [`TokenError::Invalid`] for anything else.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let claims = self.verify_at(token, unix_now())?;
        match &claims.session {
            Some(session) => self.check_session(session).map(|()| claims),
            None => Ok(claims),
        }
    }

    fn check_session(&self, session: &str) -> Result<(), TokenError> {
        let ended = self.ended.as_ref();
        match ended.map_or(Standing::Unknown, |ended| ended.standing(session)) {
            Standing::Open => Ok(()),
            Standing::Ended => Err(TokenError::Ended),
            Standing::Unknown => Err(TokenError::Unknown),
        }
    }

    /// The keys with which others can check tokens: a JWK Set (RFC 7517) as JSON text.
    #[must_use]
    pub fn public_keys(&self) -> String {
        json!({ "keys": self.verifiers.public_keys(unix_now()) }).to_string()
    }

    fn verify_at(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        if let Some(claims) = self.cache.get(token, now) {
            return Ok(claims);
        }
        match self.check(token, now) {
            Ok((claims, key_readable_until)) => {
                self.cache.put(token, &claims, key_readable_until);
                Ok(claims)
            }
            Err(Refusal::Expired) => Err(TokenError::Expired),
            Err(Refusal::Invalid(reason)) => {
                tracing::warn!(reason, "refused an access token");
                Err(TokenError::Invalid)
            }
        }
    }

    fn check(&self, token: &str, now: u64) -> Result<(Claims, Option<u64>), Refusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Invalid("too-long"));
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| Refusal::Invalid("malformed"))?;
        let kid = check_header(&header)?;
        let verifier = self
            .verifiers
            .find(kid, now)
            .ok_or(Refusal::Invalid("unknown-key"))?;
        let claims = verifier.payload(token)?.check(&self.settings, now)?;
        Ok((claims, verifier.readable_until))
    }
}

/// What the header must and must not say. The algorithm is checked with the signature.
fn check_header(header: &Header) -> Result<&str, Refusal> {
    if header.typ.as_deref() != Some(TOKEN_TYPE) {
        return Err(Refusal::Invalid("wrong-type"));
    }
    // RFC 7515, section 4.1.11: an extension that must be understood and is not.
    if header.crit.is_some() {
        return Err(Refusal::Invalid("critical-extension"));
    }
    header.kid.as_deref().ok_or(Refusal::Invalid("no-key-id"))
}

#[cfg(test)]
mod tests;
