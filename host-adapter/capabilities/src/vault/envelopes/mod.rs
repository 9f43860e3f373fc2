//! Envelopes: bodies encrypted between services as compact JWE (RFC 7516), `alg: dir`,
//! `enc: A256GCM`.
//!
//! The protected header contains the issuer (`iss`), the audience (`aud`), the time (`iat`), an id
//! (`jti`) and the request (`htm` and `htu`; the path is compared byte for byte). It is the associated
//! data of the encryption, so decrypting the body authenticates all of it.
//!
//! A request must not be accepted as an answer, or an answer as a request. The id of the request
//! cannot ensure this, because a request that was not sealed has none. An answer is therefore marked
//! with `"rsp": true`, and names the request's envelope in `in_reply_to` if it had one.
//!
//! Replays are detected by the ids of opened envelopes, which are kept in this process ([`replay`]). With
//! [`ReplayScope::Database`], all adapters on one PostgreSQL share the ids of requests ([`OpenedEnvelopes`]).
//! Answers need no sharing: only the adapter that sent the request accepts the answer to it.
//!
//! An answer to a caller from outside (`client`) is sealed with the key [`ANSWERS`], and still names the
//! service as its issuer. That key opens and seals nothing else, so a caller who has it to open answers
//! cannot speak for a service.
//!
//! Nonces are 96 random bits. NIST SP 800-38D allows them for 2^32 envelopes under one key. A key that
//! seals 1,000 envelopes a second must be replaced every 50 days, so envelopes are counted.

mod compact;
mod header;
mod keys;
mod opened;
mod replay;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

use self::compact::Parts;
use self::header::{Header, UNHEARD_ISSUER};
use self::keys::EnvelopeKeys;
use self::replay::{Admission, ReplayGuard};
use crate::metrics::METRICS;

use super::clock::unix_now;
use super::errors::{EnvelopeError, InspectError, SettingError};
use super::keys::{ANSWERS, CLIENT, KeyRing};

pub use adapter_contract::envelopes::Opened;

pub use self::compact::{MAX_ENVELOPE_BYTES, MAX_PAYLOAD_BYTES};
pub use self::opened::{OpenedEnvelopes, OpenedError};
pub use self::settings::{EnvelopeSettings, ReplayScope};

/// Whether an envelope is a request or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// The body of a request.
    Request,
    /// The body of an answer.
    Response {
        /// The id of the request's envelope. `None` if the request was not sealed.
        in_reply_to: Option<&'a str>,
    },
}

/// The claims that an envelope must have to be opened.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedClaims<'a> {
    /// The receiver, which opens the envelope.
    pub audience: &'a str,
    /// The issuers that the receiver accepts.
    pub issuers: &'a [String],
    /// The request's method in upper case.
    pub method: &'a str,
    /// The request's path without the query.
    pub path: &'a str,
    /// Whether the receiver expects a request or an answer.
    pub purpose: Purpose<'a>,
}

/// The claims of a new envelope.
#[derive(Debug, Clone, Copy)]
pub struct SealRequest<'a> {
    /// The sender. Its active key seals the envelope, except for an answer to a caller from outside.
    pub issuer: &'a str,
    /// The receiver.
    pub audience: &'a str,
    /// The request's method in upper case.
    pub method: &'a str,
    /// The request's path without the query.
    pub path: &'a str,
    /// Whether the envelope is a request or an answer.
    pub purpose: Purpose<'a>,
}

/// The content of an envelope, for a person to read.
#[derive(Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The decrypted body.
    pub payload: String,
    /// The protected header as JSON text.
    pub header: String,
}

/// A sealed envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Compact JWE.
    pub envelope: String,
    /// The envelope's id. The answer must name it.
    pub id: String,
}

/// Seals and opens envelopes.
pub struct Envelopes {
    settings: EnvelopeSettings,
    /// A reading of the key directory replaces them.
    keys: RwLock<Arc<EnvelopeKeys>>,
    replay_guard: ReplayGuard,
    opened: Option<OpenedEnvelopes>,
}

impl Envelopes {
    /// Seals with the active key of each owner in the ring, and opens with every key that has not expired.
    ///
    /// # Errors
    ///
    /// [`SettingError`] for a setting outside its limits.
    pub fn new(settings: EnvelopeSettings, keys: &KeyRing) -> Result<Self, SettingError> {
        settings::check(&settings)?;
        let keys = EnvelopeKeys::new(keys, None);
        let replay_guard = ReplayGuard::new(settings.replay_capacity);
        Ok(Self {
            settings,
            keys: RwLock::new(Arc::new(keys)),
            replay_guard,
            opened: None,
        })
    }

    /// Goes on with the keys of another ring.
    pub(super) fn use_keys(&self, ring: &KeyRing) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = Arc::new(EnvelopeKeys::new(ring, Some(&**keys)));
    }

    /// The envelopes that were sealed since the last call, by key id.
    pub(super) fn take_seals(&self) -> BTreeMap<String, u64> {
        self.keys().take_seals()
    }

    /// Adds numbers that could not be written.
    pub(super) fn give_back_seals(&self, seals: &BTreeMap<String, u64>) {
        self.keys().give_back_seals(seals);
    }

    fn keys(&self) -> Arc<EnvelopeKeys> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    /// Shares the ids of opened requests with other adapters.
    #[must_use]
    pub fn with_opened(self, opened: Option<OpenedEnvelopes>) -> Self {
        Self { opened, ..self }
    }

    /// Opens the envelope of a request, once among all adapters that share the ids.
    ///
    /// # Errors
    ///
    /// Those of [`Envelopes::open`], and [`EnvelopeError::Unavailable`] if the adapter cannot find out
    /// whether another one has opened it. It may be opened later then.
    pub async fn open_request(
        &self,
        envelope: &str,
        expected: ExpectedClaims<'_>,
    ) -> Result<Opened, EnvelopeError> {
        let (opened, kid) = self.open_with_key_at(envelope, expected, unix_now())?;
        let Some(shared) = &self.opened else {
            return Ok(opened);
        };
        match shared.admit(&kid, &opened.id).await {
            Ok(true) => Ok(opened),
            Ok(false) => {
                log_rejection("replayed-elsewhere", &expected);
                Err(EnvelopeError::Invalid)
            }
            Err(OpenedError) => {
                self.replay_guard.take_back(&kid, &opened.id);
                Err(EnvelopeError::Unavailable)
            }
        }
    }

    /// Opens an envelope that has exactly the expected claims. This adapter opens an envelope once.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLarge`] for an envelope above [`MAX_ENVELOPE_BYTES`], and
    /// [`EnvelopeError::Invalid`] for every other reason to reject it.
    pub fn open(
        &self,
        envelope: &str,
        expected: ExpectedClaims<'_>,
    ) -> Result<Opened, EnvelopeError> {
        self.open_at(envelope, expected, unix_now())
    }

    /// Seals a body.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLarge`] for a payload above [`MAX_PAYLOAD_BYTES`] or a header above 4 KiB,
    /// [`EnvelopeError::NoKey`] if the ring has no key of the issuer, and
    /// [`EnvelopeError::SealingFailed`] for an internal failure.
    pub fn seal(&self, payload: &str, request: SealRequest<'_>) -> Result<Sealed, EnvelopeError> {
        self.seal_at(payload, request, unix_now())
    }

    /// Decrypts an envelope for a person to read, any number of times.
    ///
    /// The audience, the age and the request are not checked, so do not answer a request on the basis
    /// of the result.
    ///
    /// # Errors
    ///
    /// [`InspectError`] for an envelope that is too large, or that no key in the ring has sealed.
    pub fn inspect(&self, envelope: &str) -> Result<Inspected, InspectError> {
        compact::check_size(envelope)?;
        let inspected = self.decrypt(envelope, unix_now());
        inspected.map_err(InspectError::Unreadable)
    }

    fn open_at(
        &self,
        envelope: &str,
        expected: ExpectedClaims<'_>,
        now: u64,
    ) -> Result<Opened, EnvelopeError> {
        let opened = self.open_with_key_at(envelope, expected, now);
        opened.map(|(opened, _)| opened)
    }

    /// Opens an envelope, and returns the id of its key as well.
    fn open_with_key_at(
        &self,
        envelope: &str,
        expected: ExpectedClaims<'_>,
        now: u64,
    ) -> Result<(Opened, String), EnvelopeError> {
        compact::check_size(envelope)?;
        self.check(envelope, &expected, now).map_err(|reason| {
            if reason == UNHEARD_ISSUER && expected.purpose == Purpose::Request {
                METRICS.rejected("envelope", reason);
                log_unheard(envelope, expected.audience);
            } else {
                log_rejection(reason, &expected);
            }
            EnvelopeError::Invalid
        })
    }

    fn decrypt(&self, envelope: &str, now: u64) -> Result<Inspected, &'static str> {
        let parts = Parts::split(envelope)?;
        let json = parts.header_json()?;
        let payload = self.decrypt_body(&parts, &Header::parse(&json)?, now)?;
        let header = String::from_utf8(json).map_err(|_| "malformed-header")?;
        Ok(Inspected { payload, header })
    }

    fn check(
        &self,
        envelope: &str,
        expected: &ExpectedClaims<'_>,
        now: u64,
    ) -> Result<(Opened, String), &'static str> {
        let parts = Parts::split(envelope)?;
        let json = parts.header_json()?;
        let header = Header::parse(&json)?;
        let payload = self.decrypt_body(&parts, &header, now)?;
        header.check_claims(expected)?;
        let valid_until = self.check_age(header.iat, now)?;
        match self
            .replay_guard
            .admit(&header.kid, &header.jti, valid_until, now)
        {
            Admission::First => {}
            Admission::Repeated => return Err("replayed"),
            Admission::Forgotten => return Err("too-old"),
            Admission::Full => return Err("too-many-envelopes"),
        }
        let kid = header.kid.into_owned();
        let opened = Opened {
            payload,
            issuer: header.iss.into_owned(),
            id: header.jti.into_owned(),
        };
        Ok((opened, kid))
    }

    /// Decrypts the body with the key that the header names, which authenticates body and header. Until
    /// then, `kid` is the only claim that is used.
    fn decrypt_body(
        &self,
        parts: &Parts<'_>,
        header: &Header<'_>,
        now: u64,
    ) -> Result<String, &'static str> {
        let keys = self.keys();
        let key = keys.opening(header.kid.as_ref()).ok_or("unknown-key")?;
        if !key.period.is_readable(now) {
            return Err("expired-key");
        }
        let payload = parts.open(&key.cipher)?;
        let own = header.iss == key.owner && key.owner != ANSWERS;
        if own || (key.owner == ANSWERS && header.is_answer_to(CLIENT)) {
            Ok(payload)
        } else {
            Err("wrong-key")
        }
    }

    /// The last second at which the envelope is valid. Fails if that is over, or if the envelope comes
    /// from the future.
    fn check_age(&self, sealed_at: u64, now: u64) -> Result<u64, &'static str> {
        let valid_until = sealed_at.saturating_add(self.settings.max_age.as_secs());
        if valid_until < now {
            return Err("too-old");
        }
        if sealed_at > now.saturating_add(self.settings.clock_skew.as_secs()) {
            return Err("from-the-future");
        }
        Ok(valid_until)
    }

    fn seal_at(
        &self,
        payload: &str,
        request: SealRequest<'_>,
        now: u64,
    ) -> Result<Sealed, EnvelopeError> {
        let to_client = request.audience == CLIENT && request.purpose != Purpose::Request;
        let owner = if to_client { ANSWERS } else { request.issuer };
        let keys = self.keys();
        let key = keys
            .sealing(owner, now)
            .ok_or_else(|| EnvelopeError::NoKey(owner.to_owned()))?;
        let id = Uuid::now_v7().to_string();
        let header = Header::new(&key.kid, &id, &request, now);
        let envelope = compact::seal(&header.to_json()?, payload.as_bytes(), &key.cipher)?;
        key.count();
        Ok(Sealed { envelope, id })
    }
}

/// Counts and logs a rejection. The log shows values from the caller only, because the envelope's claims
/// may not be authenticated.
fn log_rejection(reason: &'static str, expected: &ExpectedClaims<'_>) {
    METRICS.rejected("envelope", reason);
    let ExpectedClaims {
        audience, method, ..
    } = expected;
    tracing::warn!(
        reason,
        audience,
        method,
        "rejected an envelope for `{audience}`"
    );
}

/// Logs a request of a service that `audience` does not hear, with the setting that changes this. The
/// issuer is the owner of the key that the envelope was opened with, so it may be named.
fn log_unheard(envelope: &str, audience: &str) {
    let parts = Parts::split(envelope);
    let Ok(json) = parts.and_then(|parts| parts.header_json()) else {
        return;
    };
    let Ok(header) = Header::parse(&json) else {
        return;
    };
    let issuer = header.iss.as_ref();
    tracing::warn!(
        reason = UNHEARD_ISSUER,
        issuer,
        audience,
        "rejected an envelope of `{issuer}`, which `{audience}` does not hear: add `{issuer}` to `envelopes` in \
         `[components.{audience}]`"
    );
}

#[cfg(test)]
mod tests;
