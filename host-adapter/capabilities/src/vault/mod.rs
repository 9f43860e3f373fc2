//! Secrets and the operations that need them: password hashes, access tokens, envelopes.
//!
//! Keys do not leave this module. Callers pass text in and get text back, so a component cannot leak
//! a key in its logs or crashes. Keys are read from a directory of JWK files ([`KeyRing`]), at startup and
//! when the files change ([`KeyWatcher`]).
//!
//! The module does not depend on HTTP or wasm. An error tells the caller only what it needs to react.
//! The log has the exact reason, as a stable word in the field `reason`.

mod clock;
mod envelopes;
mod errors;
mod keys;
mod passwords;
mod tokens;

pub use envelopes::{
    EnvelopeSettings, Envelopes, ExpectedClaims, Inspected, MAX_ENVELOPE_BYTES, MAX_PAYLOAD_BYTES,
    Opened, OpenedEnvelopes, OpenedError, Purpose, ReplayScope, SealRequest, Sealed,
};
pub use errors::{EnvelopeError, InspectError, KeyError, PasswordError, SettingError, TokenError};
pub use keys::{
    ANSWERS, CLIENT, DEFAULT_OLD_KEYS_READABLE_FOR, DerivedSecret, KeyInfo, KeyKind, KeyRing,
    KeySettings, KeyState, KeyWatcher, MAX_SEALS, Policy, ROLES, SealCounts, TOKENS, WARN_SEALS,
    is_private,
};
pub use passwords::{MAX_PASSWORD_BYTES, PasswordSettings, Passwords, Verdict};
pub use tokens::{Claims, EVERY_VERIFIER, MAX_SUBJECT_CHARACTERS, Token, TokenSettings, Tokens};
