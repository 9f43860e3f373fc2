//! Keys: missing ones, ones that others can read, and old ones.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use adapter_capabilities::vault::{
    ANSWERS, CLIENT, KeyInfo, KeyRing, KeyState, MAX_SEALS, ROLES, SealCounts, TOKENS, WARN_SEALS,
    is_private,
};

use crate::{checks::Finding, config::Settings};

const CHECK: &str = "keys";

/// The age at which a key should be replaced. It limits how long a copied key can be used. The
/// cryptography does not require it.
const OLD: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How far in the future a key may have been made, for the clocks of two machines.
const SKEW: Duration = Duration::from_secs(60);

const DAY: u64 = 24 * 60 * 60;

pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let directory = &settings.keys.directory;
    let mut findings = check_modes(directory);
    if !findings.is_empty() {
        return findings;
    }
    let readable_for = settings.key_policy.old_keys_readable_for;
    match KeyRing::list(directory, readable_for) {
        Ok(keys) => {
            findings.extend(check_missing(&keys, settings));
            findings.extend(keys.iter().filter_map(|key| check_key(key, settings)));
            findings.extend(check_seals(&keys, settings.keys.seals_directory()));
        }
        Err(error) => findings.push(Finding::error(
            CHECK,
            error.to_string(),
            "correct or remove it",
        )),
    }
    if findings.is_empty() {
        let place = directory.display();
        findings.push(Finding::fine(
            CHECK,
            format!("{place} has a key of every owner"),
        ));
    }
    findings
}

/// Files that other users can read.
fn check_modes(directory: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    for (path, expected) in files
        .iter()
        .map(|path| (path.as_path(), 0o600))
        .chain([(directory, 0o700)])
    {
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        if !is_private(&metadata) {
            let mode = metadata.permissions().mode() & 0o777;
            let path = path.display();
            findings.push(Finding::error(
                CHECK,
                format!("`{path}` can be read by other users (mode {mode:03o})"),
                format!("run `chmod {expected:o} {path}`"),
            ));
        }
    }
    findings
}

/// Owners without a key. On a laptop they get one at the first start.
fn check_missing(keys: &[KeyInfo], settings: &Settings) -> Vec<Finding> {
    let components = settings.components.keys().map(String::as_str);
    let owners: BTreeSet<&str> = components.chain([ANSWERS, CLIENT, ROLES, TOKENS]).collect();
    let missing = owners
        .into_iter()
        .filter(|owner| keys.iter().all(|key| key.owner != *owner));
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Vec::new();
    }
    if settings.production {
        let error = |owner: &&str| {
            Finding::error(
                CHECK,
                format!("`{owner}` has no key, and `PRODUCTION=true` makes none"),
                format!(
                    "run `host-adapter keys generate --owner {owner}`, or copy the key of its peers"
                ),
            )
        };
        return missing.iter().map(error).collect();
    }
    let list = missing.join("`, `");
    vec![Finding::fine(
        CHECK,
        format!("keys of `{list}` are made at the next start"),
    )]
}

/// Keys that have sealed many of the envelopes that one key may seal.
fn check_seals(keys: &[KeyInfo], directory: &Path) -> Vec<Finding> {
    let counts = match SealCounts::read(directory) {
        Ok(counts) => counts,
        Err(error) => return vec![Finding::warning(CHECK, error.to_string(), "delete it")],
    };
    let used_up = keys
        .iter()
        .filter(|key| key.state == KeyState::Active && counts.of(&key.kid) >= WARN_SEALS);
    let finding = |key: &KeyInfo| {
        let (kid, owner, sealed) = (&key.kid, &key.owner, counts.of(&key.kid));
        Finding::warning(
            CHECK,
            format!(
                "key `{kid}` of `{owner}` has sealed {sealed} envelopes of the {MAX_SEALS} that are safe"
            ),
            format!("run `host-adapter keys rotate --owner {owner}`"),
        )
    };
    used_up.map(finding).collect()
}

fn check_key(key: &KeyInfo, settings: &Settings) -> Option<Finding> {
    let (kid, owner) = (&key.kid, &key.owner);
    let replace = format!("run `host-adapter keys rotate --owner {owner}`");
    let file = settings.keys.directory.join(format!("{kid}.json"));
    let file = file.display();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let age = now.as_secs().saturating_sub(key.created);
    // Roles keep the password of their key as long as its file exists.
    if key.state == KeyState::Expired && key.owner != ROLES {
        let what = format!("key `{kid}` of `{owner}` is expired: nothing uses it");
        return Some(Finding::warning(CHECK, what, format!("remove `{file}`")));
    }
    if settings.production && key.development {
        let what = format!(
            "key `{kid}` of `{owner}` was made for a laptop, and `PRODUCTION=true` rejects it"
        );
        return Some(Finding::error(
            CHECK,
            what,
            format!("remove `{file}`, and run `host-adapter keys generate --owner {owner}`"),
        ));
    }
    if key.created > (now + SKEW).as_secs() {
        let days = (key.created - now.as_secs()) / DAY;
        let what = format!("key `{kid}` of `{owner}` was made {days} days in the future");
        return Some(Finding::warning(CHECK, what, "set this machine's clock"));
    }
    if key.state == KeyState::Active && age > OLD.as_secs() {
        let what = format!("key `{kid}` of `{owner}` is {} days old", age / DAY);
        return Some(Finding::warning(CHECK, what, replace));
    }
    None
}
