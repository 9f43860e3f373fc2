//! Who owns keys, and of which kind: decided by the owner's name.

use std::fmt;

use super::super::errors::KeyError;

/// Owner of the envelope key for callers that are no service of ours, such as `curl`.
pub const CLIENT: &str = "client";
/// Owner of the key that signs access tokens.
pub const TOKENS: &str = "tokens";
/// Owner of the key that other secrets are derived from.
pub const ROLES: &str = "roles";

/// An owner's name is part of file names and key ids, which go into every envelope's header.
const MAX_OWNER_BYTES: usize = 63;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// AES-256-GCM key of a service or outside caller, for envelopes.
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
    /// The kind of key that this owner has.
    pub(super) fn of(owner: &str) -> Self {
        match owner {
            TOKENS => Self::Signing,
            ROLES => Self::Derivation,
            _ => Self::Envelope,
        }
    }
}

/// Refuse a name that could leave the directory or confuse a shell.
pub(super) fn check(owner: &str) -> Result<(), KeyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = (1..=MAX_OWNER_BYTES).contains(&owner.len())
        && owner.bytes().all(plain)
        && !owner.starts_with('-');
    if valid {
        return Ok(());
    }
    Err(KeyError::Owner {
        owner: owner.escape_debug().take(MAX_OWNER_BYTES).collect(),
        reason: "cannot own a key: names have up to 63 lower-case letters, digits and hyphens",
    })
}

/// Everyone a ring needs keys of: the given owners of envelope keys, and the two that are always
/// there.
pub(super) fn wanted<'a>(owners: &[&'a str]) -> Result<Vec<&'a str>, KeyError> {
    let mut wanted = Vec::with_capacity(owners.len() + 2);
    for owner in owners {
        check(owner)?;
        if KeyKind::of(owner) != KeyKind::Envelope {
            return Err(KeyError::Owner {
                owner: (*owner).to_owned(),
                reason: "is a reserved name and cannot own an envelope key",
            });
        }
        if !wanted.contains(owner) {
            wanted.push(*owner);
        }
    }
    wanted.extend([TOKENS, ROLES]);
    Ok(wanted)
}
