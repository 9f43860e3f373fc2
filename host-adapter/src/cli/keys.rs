//! `host-adapter keys`.

use std::collections::BTreeSet;

use clap::Subcommand;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Invocation, print};
use crate::config::{Settings, suggestion};
use adapter_capabilities::vault::{CLIENT, KeyInfo, KeyRing, KeyState, ROLES, TOKENS};

/// Generates and lists keys.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Generate a key. The adapter uses it from its next start on. The previous key can still open
    /// envelopes for `keys.old_keys_readable_for`.
    Generate {
        /// The key's owner: a service, `client` (callers from outside), `tokens` (signing) or `roles`
        /// (passwords of database roles).
        #[arg(long)]
        owner: String,
    },
    /// List the keys and their states.
    List,
}

pub(super) fn run(command: &Keys, invocation: &Invocation) -> anyhow::Result<()> {
    let settings = &invocation.settings.keys;
    let readable_for = invocation.settings.key_policy.old_keys_readable_for;
    match command {
        Keys::Generate { owner } => {
            check_owner(owner, &invocation.settings)?;
            let key = KeyRing::generate(&settings.directory, owner, false)?;
            print(&format!(
                "generated key `{}` in {}",
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
            keys.iter().try_for_each(|key| print(&format_line(key)))
        }
    }
}

/// A key of an unknown owner would never be used.
fn check_owner(owner: &str, settings: &Settings) -> anyhow::Result<()> {
    let services = settings.components.keys().chain(settings.peers.keys());
    let services = services.map(String::as_str);
    let known: BTreeSet<&str> = services.chain([CLIENT, ROLES, TOKENS]).collect();
    anyhow::ensure!(
        known.contains(owner),
        "no component, peer or other owner of keys is called `{owner}`{}",
        suggestion(owner, known)
    );
    Ok(())
}

fn format_line(key: &KeyInfo) -> String {
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
