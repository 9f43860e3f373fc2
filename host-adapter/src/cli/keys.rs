//! `host-adapter keys`.

use clap::Subcommand;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Invocation, print};
use adapter_capabilities::vault::{KeyInfo, KeyRing, KeyState};

/// Making and listing keys.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key. It is used from the adapter's next start on; the one before stays readable for
    /// `keys.old_keys_readable_for`.
    Generate {
        /// Whose key: a service, `client` (outside callers), `tokens` (signing) or `roles`
        /// (passwords of database roles).
        #[arg(long)]
        owner: String,
    },
    /// List the keys and what each is still good for.
    List,
}

pub(super) fn run(command: &Keys, invocation: &Invocation) -> anyhow::Result<()> {
    let settings = &invocation.settings.keys;
    let readable_for = invocation.settings.key_policy.old_keys_readable_for;
    match command {
        Keys::Generate { owner } => {
            let key = KeyRing::generate(&settings.directory, owner, false)?;
            print(&format!(
                "made key `{}` in {}",
                key.kid,
                settings.directory.display()
            ))
        }
        Keys::List => {
            let keys = KeyRing::list(&settings.directory, readable_for)?;
            if keys.is_empty() {
                return print(&format!(
                    "there are no keys in {} yet",
                    settings.directory.display()
                ));
            }
            print(&format!(
                "{:<12} {:<11} {:<21} {:<12} KEY",
                "OWNER", "STATE", "CREATED", "MADE FOR"
            ))?;
            keys.iter().try_for_each(|key| print(&line(key)))
        }
    }
}

fn line(key: &KeyInfo) -> String {
    let state = match key.state {
        KeyState::Active => "active",
        KeyState::ReadOnly => "read-only",
        KeyState::Expired => "expired",
    };
    let created = i64::try_from(key.created)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let created = created
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default();
    let purpose = if key.development {
        "a laptop"
    } else {
        "production"
    };
    format!(
        "{:<12} {state:<11} {created:<21} {purpose:<12} {}",
        key.owner, key.kid
    )
}
