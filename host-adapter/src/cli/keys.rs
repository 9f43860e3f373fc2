//! `host-adapter keys`.

use std::{collections::BTreeSet, time::Duration};

use adapter_settings::parse_duration;
use clap::{Args, Subcommand};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Invocation, print};
use crate::config::{Settings, suggestion};
use adapter_capabilities::vault::{ANSWERS, CLIENT, KeyInfo, KeyRing, ROLES, SealCounts, TOKENS};

/// Rotates, generates and lists keys.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Replace a key while adapters serve: generate its successor, which they read within seconds and use
    /// after a while. The old key can still open envelopes for `keys.old_keys_readable_for`.
    Rotate {
        #[command(flatten)]
        owner: Owner,
        /// The time until the new key is used. Every adapter must have read it by then, and everyone else who
        /// verifies access tokens.
        #[arg(long, default_value = DEFAULT_WAIT, value_name = "DURATION", value_parser = parse_wait)]
        after: Duration,
    },
    /// Generate a key that is used at once. An adapter that has not read it yet rejects what it seals, for
    /// some seconds.
    Generate {
        #[command(flatten)]
        owner: Owner,
    },
    /// List the keys, their states, and how many envelopes each has sealed.
    List,
}

#[derive(Debug, Args)]
pub(super) struct Owner {
    /// The key's owner: a service, `client` (callers from outside), `answers` (answers to them), `tokens`
    /// (signing) or `roles` (passwords of database roles).
    #[arg(long)]
    owner: String,
}

/// Ten minutes: answers with the public keys of tokens may be cached for five.
const DEFAULT_WAIT: &str = "10m";

/// The shortest wait. Adapters read the directory every two seconds.
const SHORTEST_WAIT: Duration = Duration::from_secs(10);

fn parse_wait(text: &str) -> Result<Duration, String> {
    let wait = parse_duration(text).filter(|wait| *wait >= SHORTEST_WAIT);
    wait.ok_or_else(|| "a duration of at least 10s, such as 10m".to_owned())
}

pub(super) fn run(command: &Keys, invocation: &Invocation) -> anyhow::Result<()> {
    let settings = &invocation.settings.keys;
    let readable_for = invocation.settings.key_policy.old_keys_readable_for;
    match command {
        Keys::Rotate {
            owner: Owner { owner },
            after,
        } => {
            check_owner(owner, &invocation.settings)?;
            let key = KeyRing::rotate(&settings.directory, owner, false, *after)?;
            print(&format!(
                "generated key `{}` in {}; it is used from {} on",
                key.kid,
                settings.directory.display(),
                format_time(key.active_from.max(key.created))
            ))
        }
        Keys::Generate {
            owner: Owner { owner },
        } => {
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
            let counts = SealCounts::read(settings.seals_directory())?;
            print(&format!(
                "{:<12} {:<11} {:<21} {:<12} {:<11} KEY",
                "OWNER", "STATE", "USED FROM", "MADE FOR", "SEALED"
            ))?;
            keys.iter()
                .try_for_each(|key| print(&format_line(key, counts.of(&key.kid))))
        }
    }
}

/// A key of an unknown owner would never be used.
fn check_owner(owner: &str, settings: &Settings) -> anyhow::Result<()> {
    let services = settings.components.keys().chain(settings.peers.keys());
    let services = services.map(String::as_str);
    let known: BTreeSet<&str> = services.chain([ANSWERS, CLIENT, ROLES, TOKENS]).collect();
    anyhow::ensure!(
        known.contains(owner),
        "no component, peer or other owner of keys is called `{owner}`{}",
        suggestion(owner, known)
    );
    Ok(())
}

fn format_line(key: &KeyInfo, sealed: u64) -> String {
    let begins = format_time(key.active_from.max(key.created));
    let purpose = if key.development {
        "a laptop"
    } else {
        "production"
    };
    format!(
        "{:<12} {:<11} {begins:<21} {purpose:<12} {sealed:<11} {}",
        key.owner, key.state, key.kid
    )
}

/// A time in seconds since 1970, as in RFC 3339. Empty beyond the year 9999.
fn format_time(seconds: u64) -> String {
    let moment = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    moment
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}
