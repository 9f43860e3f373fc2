//! Why the vault has no answer. One variant for each thing a caller does differently.

use std::path::PathBuf;

use adapter_settings::Violation;

/// A setting outside its limits.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` must be {expected}, got `{found}`")]
pub struct SettingError {
    /// The field's name in its settings structure.
    pub name: &'static str,
    /// What would be accepted, to follow the word "must be".
    pub expected: String,
    /// What was there.
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
    /// An owner has no key, and in production none is made up.
    #[error(
        "`{owner}` has no key in `{directory}`; make one with `host-adapter keys generate --owner {owner}`",
        directory = .directory.display()
    )]
    Missing {
        /// Whose key is missing.
        owner: String,
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A key that was generated on a laptop is about to be used in production.
    #[error(
        "`{path}` is a development key of `{owner}`, not for production; delete it and run `host-adapter keys generate --owner {owner}`",
        path = .path.display()
    )]
    Development {
        /// Whose key it is.
        owner: String,
        /// The key file.
        path: PathBuf,
    },
    /// Others on this machine can read a key file.
    #[error(
        "key file `{path}` can be read by others (mode {mode:03o}); run `chmod 600 {path}`",
        path = .path.display()
    )]
    ReadableByOthers {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file that is not what it should be.
    #[error("key file `{path}` {reason}", path = .path.display())]
    Unusable {
        /// The key file.
        path: PathBuf,
        /// What is wrong, to follow the file's name.
        reason: String,
    },
    /// A key that is too weak to be used, such as one of zeros.
    #[error(
        "key file `{path}` {reason}; delete it and run `host-adapter keys generate --owner {owner}`",
        path = .path.display()
    )]
    Weak {
        /// Whose key it is.
        owner: String,
        /// The key file.
        path: PathBuf,
        /// What is weak about it, to follow the file's name.
        reason: &'static str,
    },
    /// Not a name that can own a key of this kind.
    #[error("`{owner}` {reason}")]
    Owner {
        /// The name given.
        owner: String,
        /// Why it cannot be, to follow the name.
        reason: &'static str,
    },
    /// Another process has been making keys in the directory for longer than that takes.
    #[error("`{path}` is locked by another process", path = .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} `{path}`", path = .path.display())]
    Files {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The operating system has no random numbers to make a key of.
    #[error("the operating system has no random numbers")]
    Random(#[source] getrandom::Error),
}

/// Why a password was neither hashed nor compared.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// As many as allowed are waiting already. Some seconds later there is room again.
    #[error("too many passwords are being checked, try again in some seconds")]
    Unavailable,
    /// Password or hash are not acceptable, whenever it is tried.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Why there is no token, or no claims from one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A token of ours, past its time.
    #[error("the token is expired")]
    Expired,
    /// Not a token of ours, or not one yet. The log has the reason.
    #[error("the token is not valid")]
    Invalid,
    /// A token of ours whose session has ended.
    #[error("the token's session has ended")]
    Ended,
    /// Nobody can say at present whether the token's session has ended.
    #[error("whether the token's session has ended is not known at present")]
    Unknown,
    /// No token can be issued to an empty subject or one of more than 200 characters.
    #[error("a token's subject has 1 to 200 characters")]
    Subject,
    /// Nor for a session without an id, or with one of more than 200 characters.
    #[error("a token's session has an id of 1 to 200 characters")]
    Session,
    /// Signing failed for a reason of our own. The log has it.
    #[error("the token could not be signed")]
    Signing,
}

/// Why an envelope was neither opened nor sealed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The envelope is refused. Deliberately one variant for every cause: telling them apart would
    /// tell a forger how far he got. The log has the reason.
    #[error("the envelope is not valid")]
    Invalid,
    /// The named part is above its limit.
    #[error("{what} is above {limit} bytes")]
    TooLarge {
        /// `the payload`, `the envelope` or `the header`.
        what: &'static str,
        /// The most bytes it may have.
        limit: usize,
    },
    /// The issuer has no key here to seal with.
    #[error("`{0}` has no key to seal with")]
    NoKey(String),
    /// Sealing failed for a reason of our own. The log has it.
    #[error("the envelope could not be sealed")]
    Sealing,
}
