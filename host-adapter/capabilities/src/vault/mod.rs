//! Secrets and everything done with them: password hashes, access tokens, envelopes.
//!
//! The hard decision: no key ever leaves this module. Callers hand in text and get text back, so a
//! component, its logs and its crashes cannot leak what they never had. Keys are read once at the
//! start from a directory of JWK files ([`KeyRing`]); a new key takes effect with the next start.
//!
//! The module knows no HTTP and no wasm. What it refuses it refuses with as few words as the
//! caller needs; the true reason goes to the log as a stable word in the field `reason`.

mod clock;
mod envelopes;
mod errors;
mod keys;
mod passwords;
mod tokens;

pub use envelopes::{
    EnvelopeSettings, Envelopes, Inspected, MAX_ENVELOPE_BYTES, MAX_PAYLOAD_BYTES, Opened, Opening,
    Purpose, Sealed, Sealing,
};
pub use errors::{EnvelopeError, KeyError, PasswordError, SettingError, TokenError};
pub use keys::{
    CLIENT, DEFAULT_OLD_KEYS_READABLE_FOR, KeyInfo, KeyKind, KeyRing, KeySettings, KeyState,
    Policy, ROLES, TOKENS,
};
pub use passwords::{MAX_PASSWORD_BYTES, PasswordSettings, Passwords, Verdict};
pub use tokens::{Claims, MAX_SUBJECT_CHARACTERS, Token, TokenSettings, Tokens};
