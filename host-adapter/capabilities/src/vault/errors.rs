//! Why a call to the vault failed, with one variant for each way in which callers react.

use std::path::PathBuf;

use adapter_settings::Violation;

/// A setting outside its limits.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` must be {expected}, got `{found}`")]
pub struct SettingError {
    /// The field's name in its settings structure.
    pub name: &'static str,
    /// The accepted values, as they follow "must be" in a sentence.
    pub expected: String,
    /// The value that was found.
    pub found: String,
}

impl SettingError {
    /// The result of checking the setting `name`.
    pub(super) fn check(name: &'static str, result: Result<(), Violation>) -> Result<(), Self> {
        result.map_err(|Violation { expected, found }| Self {
            name,
            expected,
            found,
        })
    }
}

/// Why the keys cannot be used. All of them stop the start; none contains key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// An owner has no key, and keys are not generated in production.
    #[error(
        "`{owner}` has no key in `{directory}`; run `host-adapter keys generate --owner {owner}`",
        directory = .directory.display()
    )]
    Missing {
        /// The owner without a key.
        owner: String,
        /// The directory that was searched.
        directory: PathBuf,
    },
    /// A development key is present in production.
    #[error(
        "`{path}` is a development key of `{owner}` and cannot be used in production; delete it and run `host-adapter keys generate --owner {owner}`",
        path = .path.display()
    )]
    Development {
        /// The owner of the key.
        owner: String,
        /// The key file.
        path: PathBuf,
    },
    /// Other users of this machine can read a key file.
    #[error(
        "key file `{path}` can be read by other users (mode {mode:03o}); run `chmod 600 {path}`",
        path = .path.display()
    )]
    ReadableByOthers {
        /// The key file.
        path: PathBuf,
        /// The permission bits of the file.
        mode: u32,
    },
    /// A key of the owner is to become active already.
    #[error(
        "`{owner}` has a key that is still to become active, `{kid}`; delete its file to make another one"
    )]
    Upcoming {
        /// The owner of the key.
        owner: String,
        /// The id of the key, which is the name of its file.
        kid: String,
    },
    /// A key file is not valid.
    #[error("key file `{path}` {reason}", path = .path.display())]
    Invalid {
        /// The key file.
        path: PathBuf,
        /// What is wrong, as it follows the file's name in a sentence.
        reason: String,
    },
    /// A key is too weak to be used, such as 32 zero bytes.
    #[error(
        "key file `{path}` {reason}; delete it and run `host-adapter keys generate --owner {owner}`",
        path = .path.display()
    )]
    Weak {
        /// The owner of the key.
        owner: String,
        /// The key file.
        path: PathBuf,
        /// Why it is weak, as it follows the file's name in a sentence.
        reason: &'static str,
    },
    /// A name cannot own a key of this kind.
    #[error("`{owner}` {reason}")]
    InvalidOwner {
        /// The name.
        owner: String,
        /// Why it cannot own the key, as it follows the name in a sentence.
        reason: &'static str,
    },
    /// Another process has held the lock on the key directory for longer than generating keys takes.
    #[error("`{path}` is locked by another process; stop that process or try again", path = .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// An operation on a file or directory failed.
    #[error("cannot {action} `{path}`", path = .path.display())]
    Io {
        /// The operation, such as `read`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The thread that read or wrote files did not finish.
    #[error("the work on the key files did not finish: {0}")]
    Stopped(String),
    /// The operating system supplied no random bytes for a new key.
    #[error("the operating system supplied no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Why a password could not be hashed or verified.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The queue is full, or hashing failed and the log has the reason. A retry after a few seconds may
    /// succeed.
    #[error("too many passwords are being checked; try again in a few seconds")]
    Unavailable,
    /// The client has made too many attempts, and may make the next one after this many seconds.
    #[error("too many attempts; the next one is possible in {0} s")]
    TooManyAttempts(u32),
    /// The password or the hash is not valid. A retry cannot succeed.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Why a token could not be issued or verified.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is malformed, forged, not valid yet or made for another system. The log has the
    /// reason.
    #[error("the token is not valid")]
    Invalid,
    /// The token's session has ended.
    #[error("the token's session has ended")]
    SessionRevoked,
    /// The adapter does not know at the moment whether the token's session has ended.
    #[error("the adapter cannot check at the moment whether the token's session has ended")]
    SessionUnknown,
    /// The subject is empty or has more than 200 characters.
    #[error("the subject of a token must have 1 to 200 characters")]
    InvalidSubject,
    /// The session's id is empty, has more than 200 characters or contains NUL.
    #[error("the session id of a token must have 1 to 200 characters and no NUL")]
    InvalidSession,
    /// An audience is not among those of the settings, or there is none.
    #[error("a token must be for some of `tokens.audiences`")]
    UnknownAudience,
    /// Signing failed inside the adapter. The log has the reason.
    #[error("the token could not be signed")]
    SigningFailed,
}

/// Why an envelope cannot be shown to a person, who has the keys and so may know the reason.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// It is larger than its limit.
    #[error(transparent)]
    TooLarge(#[from] EnvelopeError),
    /// The reason, in the words of the log.
    #[error("the envelope cannot be opened: {0}")]
    Unreadable(&'static str),
}

/// Why an envelope could not be opened or sealed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The envelope was rejected. Every cause has this one variant, because the difference would tell
    /// a forger how far the attempt got. The log has the reason.
    #[error("the envelope is not valid")]
    Invalid,
    /// A part is larger than its limit.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// `the payload`, `the envelope` or `the header`.
        what: &'static str,
        /// The largest size in bytes.
        limit: usize,
    },
    /// The adapter does not know at the moment whether another one has opened the envelope.
    #[error("the adapter cannot check at the moment whether the envelope was opened before")]
    Unavailable,
    /// The key ring has no active envelope key of the issuer.
    #[error("`{0}` has no key to seal envelopes with")]
    NoKey(String),
    /// Sealing failed inside the adapter. The log has the reason.
    #[error("the envelope could not be sealed")]
    SealingFailed,
}
