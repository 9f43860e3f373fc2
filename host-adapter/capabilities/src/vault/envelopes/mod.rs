//! Envelopes: bodies encrypted between services as compact JWE (RFC 7516), `alg: dir`,
//! `enc: A256GCM`.
//!
//! The protected header carries who sealed (`iss`), for whom (`aud`), when (`iat`), which (`jti`)
//! and for what request (`htm`, `htu`, the path as text, compared byte for byte). It is the
//! associated data of the encryption, so all of it is proven with the body.
//!
//! The hard decision: a request and an answer must not pass for each other, even where the answer
//! replies to a request that was not sealed and so had no id to bind to. An answer therefore says
//! so itself, `"rsp": true`, and names the request's envelope in `in_reply_to` if there was one.
//!
//! Replays are refused by remembering ids in this process. Another replica, or this one after a
//! restart, does not know them; the age limit is all there is then.
//!
//! Nonces are 96 random bits, which NIST SP 800-38D allows for 2^32 envelopes under one key:
//! replace a key that seals 1,000 times a second every 50 days.

mod compact;
mod header;
mod replay;
mod settings;

use std::collections::HashMap;

use aes_gcm::{Aes256Gcm, KeyInit};
use uuid::Uuid;

use self::compact::Parts;
use self::header::Header;
use self::replay::{Admission, Replays};
use super::clock::unix_now;
use super::errors::{EnvelopeError, SettingError};
use super::keys::{KeyKind, KeyRing, KeyState};

pub use adapter_contract::envelopes::Opened;

pub use self::compact::{MAX_ENVELOPE_BYTES, MAX_PAYLOAD_BYTES};
pub use self::settings::EnvelopeSettings;

/// Whether an envelope asks or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// The body of a request.
    Request,
    /// The body of an answer.
    Response {
        /// The id of the request's envelope; none if the request was not sealed.
        in_reply_to: Option<&'a str>,
    },
}

/// What an envelope must have been made for to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// Who opens it.
    pub audience: &'a str,
    /// Whom the opener listens to.
    pub issuers: &'a [String],
    /// The request's method in upper case.
    pub method: &'a str,
    /// The request's path without query.
    pub path: &'a str,
    /// Whether a request or an answer is expected.
    pub purpose: Purpose<'a>,
}

/// What an envelope is to be made for.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// Who seals, with his newest key.
    pub issuer: &'a str,
    /// Who is to open it.
    pub audience: &'a str,
    /// The request's method in upper case.
    pub method: &'a str,
    /// The request's path without query.
    pub path: &'a str,
    /// Whether it is a request or an answer.
    pub purpose: Purpose<'a>,
}

/// An envelope as a person sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The plain body.
    pub payload: String,
    /// The protected header, JSON text.
    pub header: String,
}

/// A sealed envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Compact JWE.
    pub envelope: String,
    /// Its id, which the answer has to name.
    pub id: String,
}

/// Seals and opens envelopes.
pub struct Envelopes {
    settings: EnvelopeSettings,
    opening: HashMap<String, OpeningKey>,
    sealing: HashMap<String, SealingKey>,
    replays: Replays,
}

/// The ciphers hold the expanded keys and overwrite them when dropped.
struct OpeningKey {
    owner: String,
    readable_until: Option<u64>,
    cipher: Aes256Gcm,
}

struct SealingKey {
    kid: String,
    cipher: Aes256Gcm,
}

impl Envelopes {
    /// Seal with the newest key of each owner in the ring, open with all of them while they can
    /// be read.
    ///
    /// # Errors
    ///
    /// A setting outside its limits.
    pub fn new(settings: EnvelopeSettings, keys: &KeyRing) -> Result<Self, SettingError> {
        settings::check(&settings)?;
        let mut opening = HashMap::new();
        let mut sealing = HashMap::new();
        for ring in keys.of_kind(KeyKind::Envelope) {
            let (kid, owner) = (ring.key.kid().to_owned(), ring.key.owner().to_owned());
            let cipher = Aes256Gcm::new(ring.key.secret().into());
            let readable_until = ring.readable_until;
            if readable_until.is_none() {
                let key = SealingKey {
                    kid: kid.clone(),
                    cipher: cipher.clone(),
                };
                sealing.insert(owner.clone(), key);
            }
            opening.insert(
                kid,
                OpeningKey {
                    owner,
                    readable_until,
                    cipher,
                },
            );
        }
        let replays = Replays::new(settings.replay_capacity);
        Ok(Self {
            settings,
            opening,
            sealing,
            replays,
        })
    }

    /// Open an envelope that was made for exactly this. Each opens once.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::Invalid`] for whatever is wrong with it, [`EnvelopeError::TooLarge`] above
    /// [`MAX_ENVELOPE_BYTES`] or [`MAX_PAYLOAD_BYTES`].
    pub fn open(&self, envelope: &str, opening: Opening<'_>) -> Result<Opened, EnvelopeError> {
        self.open_at(envelope, opening, unix_now())
    }

    /// Seal a body for exactly this.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLarge`] above [`MAX_PAYLOAD_BYTES`], or with names and a path that make
    /// a header above 4 KiB; [`EnvelopeError::NoKey`] for an issuer that the ring has no key of.
    pub fn seal(&self, payload: &str, sealing: Sealing<'_>) -> Result<Sealed, EnvelopeError> {
        self.seal_at(payload, sealing, unix_now())
    }

    /// Decrypt an envelope for a person to look at, whoever it is for, however old, and however
    /// often. Never answer a request with it: what it was made for is not checked.
    ///
    /// # Errors
    ///
    /// As [`Envelopes::open`], for an envelope that none of our keys has sealed.
    pub fn inspect(&self, envelope: &str) -> Result<Inspected, EnvelopeError> {
        compact::check_size(envelope)?;
        self.proven(envelope, unix_now()).map_err(|reason| {
            tracing::warn!(reason, "refused an envelope to inspect");
            EnvelopeError::Invalid
        })
    }

    fn open_at(
        &self,
        envelope: &str,
        opening: Opening<'_>,
        now: u64,
    ) -> Result<Opened, EnvelopeError> {
        compact::check_size(envelope)?;
        self.check(envelope, &opening, now).map_err(|reason| {
            // Only what the caller gave, never what the envelope claims: nobody has proven that.
            let Opening {
                audience, method, ..
            } = opening;
            tracing::warn!(
                reason,
                audience,
                method,
                "refused an envelope for `{audience}`"
            );
            EnvelopeError::Invalid
        })
    }

    fn proven(&self, envelope: &str, now: u64) -> Result<Inspected, &'static str> {
        let parts = Parts::split(envelope)?;
        let json = parts.header_json()?;
        let payload = self.prove(&parts, &Header::parse(&json)?, now)?;
        let header = String::from_utf8(json).map_err(|_| "malformed-header")?;
        Ok(Inspected { payload, header })
    }

    fn check(
        &self,
        envelope: &str,
        opening: &Opening<'_>,
        now: u64,
    ) -> Result<Opened, &'static str> {
        let parts = Parts::split(envelope)?;
        let json = parts.header_json()?;
        let header = Header::parse(&json)?;
        let payload = self.prove(&parts, &header, now)?;
        header.check_target(opening)?;
        let good_until = self.check_age(header.iat, now)?;
        match self
            .replays
            .admit(&header.kid, &header.jti, good_until, now)
        {
            Admission::First => {}
            Admission::Repeated => return Err("replayed"),
            Admission::Full => return Err("too-many-envelopes"),
        }
        Ok(Opened {
            payload,
            issuer: header.iss.into_owned(),
            id: header.jti.into_owned(),
        })
    }

    /// The body, if the key that the header names has sealed both. Nothing else that the header
    /// says is believed before.
    fn prove(
        &self,
        parts: &Parts<'_>,
        header: &Header<'_>,
        now: u64,
    ) -> Result<String, &'static str> {
        let key = self.opening.get(header.kid.as_ref()).ok_or("unknown-key")?;
        if KeyState::at(key.readable_until, now) == KeyState::Expired {
            return Err("expired-key");
        }
        let payload = parts.open(&key.cipher)?;
        if header.iss != key.owner {
            return Err("wrong-key");
        }
        Ok(payload)
    }

    /// The last second at which the envelope is good, if that is not over yet.
    fn check_age(&self, sealed: u64, now: u64) -> Result<u64, &'static str> {
        let good_until = sealed.saturating_add(self.settings.max_age.as_secs());
        if good_until < now {
            return Err("too-old");
        }
        if sealed > now.saturating_add(self.settings.clock_skew.as_secs()) {
            return Err("from-the-future");
        }
        Ok(good_until)
    }

    fn seal_at(
        &self,
        payload: &str,
        sealing: Sealing<'_>,
        now: u64,
    ) -> Result<Sealed, EnvelopeError> {
        let key = self
            .sealing
            .get(sealing.issuer)
            .ok_or_else(|| EnvelopeError::NoKey(sealing.issuer.to_owned()))?;
        let id = Uuid::now_v7().to_string();
        let header = Header::new(&key.kid, &id, &sealing, now);
        let envelope = compact::seal(&header.to_json()?, payload.as_bytes(), &key.cipher)?;
        Ok(Sealed { envelope, id })
    }
}

#[cfg(test)]
mod tests;
