//! The names of key owners. The name decides the kind of key.

use std::fmt;

use super::super::errors::KeyError;

/// Owner of the envelope key for callers outside the application, such as `curl`.
pub const CLIENT: &str = "client";
/// Owner of the envelope key for answers to those callers. Every service seals with it, and it opens
/// nothing that a service would act on, so a caller who has it cannot speak for a service.
pub const ANSWERS: &str = "answers";
/// Owner of the key that signs access tokens.
pub const TOKENS: &str = "tokens";
/// Owner of the key that other secrets are derived from.
pub const ROLES: &str = "roles";

/// The longest name of an owner in bytes. It is part of file names and of the key id in every envelope.
const MAX_OWNER_BYTES: usize = 63;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// AES-256-GCM key of a service or an outside caller, for envelopes.
    Envelope,
    /// Ed25519 key for access tokens.
    Signing,
    /// HMAC-SHA-256 key that other secrets are derived from.
    Derivation,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Envelope => "envelope",
            Self::Signing => "signing",
            Self::Derivation => "derivation",
        })
    }
}

impl KeyKind {
    /// The kind of key that `owner` has.
    pub(super) fn of(owner: &str) -> Self {
        match owner {
            TOKENS => Self::Signing,
            ROLES => Self::Derivation,
            _ => Self::Envelope,
        }
    }
}

/// Rejects a name that could leave the key directory or that a shell would interpret.
pub(super) fn check_owner(owner: &str) -> Result<(), KeyError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = (1..=MAX_OWNER_BYTES).contains(&owner.len())
        && owner.bytes().all(allowed)
        && !owner.starts_with('-');
    if valid {
        return Ok(());
    }
    Err(KeyError::InvalidOwner {
        owner: owner.escape_debug().take(MAX_OWNER_BYTES).collect(),
        reason: "cannot own a key: an owner name has 1 to 63 lower-case letters, digits and hyphens and does not begin with a hyphen",
    })
}

/// The owners that a ring needs keys of: the given owners of envelope keys, [`ANSWERS`], [`TOKENS`] and
/// [`ROLES`].
pub(super) fn required_owners<'a>(owners: &[&'a str]) -> Result<Vec<&'a str>, KeyError> {
    let mut required = Vec::with_capacity(owners.len() + 3);
    for owner in owners {
        check_owner(owner)?;
        if KeyKind::of(owner) != KeyKind::Envelope || *owner == ANSWERS {
            return Err(KeyError::InvalidOwner {
                owner: (*owner).to_owned(),
                reason: "is a reserved name and cannot own an envelope key",
            });
        }
        if !required.contains(owner) {
            required.push(*owner);
        }
    }
    required.extend([ANSWERS, TOKENS, ROLES]);
    Ok(required)
}
