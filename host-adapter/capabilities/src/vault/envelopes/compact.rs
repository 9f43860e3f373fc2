//! The compact serialization: `BASE64URL(header)..nonce.ciphertext.tag`.
//!
//! The second part is empty because the key encrypts the body directly. The associated data is the
//! encoded first part (RFC 7516, section 5.1, step 14), not the JSON in it.

use aes_gcm::{AeadInOut, Aes256Gcm, Nonce, Tag};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::errors::EnvelopeError;

/// The largest payload in bytes, 1 MiB. Plain bodies have the same limit.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// The largest header in bytes. A header has about 300 bytes and a path.
const MAX_HEADER_BYTES: usize = 4 * 1024;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The largest envelope in bytes: all parts at their largest size, and four dots.
pub const MAX_ENVELOPE_BYTES: usize = encoded_length(MAX_HEADER_BYTES)
    + encoded_length(NONCE_BYTES)
    + encoded_length(MAX_PAYLOAD_BYTES)
    + encoded_length(TAG_BYTES)
    + 4;

const fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// The non-empty parts of an envelope, still encoded.
pub(super) struct Parts<'a> {
    header: &'a str,
    nonce: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(envelope: &'a str) -> Result<Self, &'static str> {
        let mut parts = envelope.split('.');
        let mut next = || parts.next().ok_or("malformed");
        let (header, key, nonce, ciphertext, tag) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() || !key.is_empty() {
            return Err("malformed");
        }
        if header.len() > encoded_length(MAX_HEADER_BYTES)
            || ciphertext.len() > encoded_length(MAX_PAYLOAD_BYTES)
        {
            return Err("part-too-long");
        }
        Ok(Self {
            header,
            nonce,
            ciphertext,
            tag,
        })
    }

    pub(super) fn header_json(&self) -> Result<Vec<u8>, &'static str> {
        decode(self.header)
    }

    /// Decrypts the body. Fails unless the cipher's key sealed it together with this header.
    pub(super) fn open(&self, cipher: &Aes256Gcm) -> Result<String, &'static str> {
        let nonce: [u8; NONCE_BYTES] = decode_exact(self.nonce)?;
        let tag: [u8; TAG_BYTES] = decode_exact(self.tag)?;
        let mut body = decode(self.ciphertext)?;
        cipher
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                self.header.as_bytes(),
                body.as_mut_slice().into(),
                &Tag::from(tag),
            )
            .map_err(|_| "altered")?;
        String::from_utf8(body).map_err(|_| "not-text")
    }
}

/// Rejects an envelope that is larger than any valid one, before any work is done.
pub(super) fn check_size(envelope: &str) -> Result<(), EnvelopeError> {
    check_length("the envelope", envelope.len(), MAX_ENVELOPE_BYTES)
}

/// Encrypts a body with a new nonce, and authenticates the header with it.
pub(super) fn seal(
    header: &[u8],
    payload: &[u8],
    cipher: &Aes256Gcm,
) -> Result<String, EnvelopeError> {
    check_length("the payload", payload.len(), MAX_PAYLOAD_BYTES)?;
    check_length("the header", header.len(), MAX_HEADER_BYTES)?;

    let mut envelope =
        String::with_capacity(encoded_length(header.len()) + encoded_length(payload.len()) + 44);
    URL_SAFE_NO_PAD.encode_string(header, &mut envelope);

    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| log_failure("random"))?;
    let mut body = payload.to_vec();
    let tag = cipher
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            envelope.as_bytes(),
            body.as_mut_slice().into(),
        )
        .map_err(|_| log_failure("cipher"))?;

    envelope.push_str("..");
    URL_SAFE_NO_PAD.encode_string(nonce, &mut envelope);
    envelope.push('.');
    URL_SAFE_NO_PAD.encode_string(body, &mut envelope);
    envelope.push('.');
    URL_SAFE_NO_PAD.encode_string(tag, &mut envelope);
    Ok(envelope)
}

fn check_length(what: &'static str, length: usize, limit: usize) -> Result<(), EnvelopeError> {
    if length <= limit {
        return Ok(());
    }
    Err(EnvelopeError::TooLarge { what, limit })
}

pub(super) fn log_failure(reason: &'static str) -> EnvelopeError {
    tracing::error!(reason, "sealing an envelope failed");
    EnvelopeError::SealingFailed
}

/// The engine rejects padding, whitespace and non-zero trailing bits, so no two texts decode to the
/// same bytes.
fn decode(part: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| "not-base64url")
}

fn decode_exact<const BYTES: usize>(part: &str) -> Result<[u8; BYTES], &'static str> {
    // Checked before decoding, so that a long part does not cost memory.
    if part.len() != encoded_length(BYTES) {
        return Err("malformed");
    }
    decode(part)?.try_into().map_err(|_| "malformed")
}
