//! What each component is granted. What is not granted is denied.

use std::collections::BTreeMap;

use super::reader::{Reader, is_name};

/// Names with a meaning of their own: `[listen]`'s whole application, the outside caller's key,
/// the signing key, the key behind database roles, and schemas that are not a component's.
const RESERVED: [&str; 7] = [
    "app",
    "client",
    "documents",
    "public",
    "roles",
    "spindle",
    "tokens",
];

/// In `peers`, every other component and peer.
pub(super) const EVERY_OTHER: &str = "*";

/// The grants of one component.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// A PostgreSQL role and schema of its own.
    pub postgres: bool,
    /// Document collections.
    pub collections: Vec<String>,
    /// Peers that it may call and send messages to.
    pub peers: Vec<String>,
    /// Hashing and checking passwords.
    pub passwords: bool,
    /// Issuing tokens.
    pub issues_tokens: bool,
    /// Checking tokens.
    pub verifies_tokens: bool,
    /// Whose envelopes it can open, and for whom it can seal; `client` is any outside caller.
    pub envelopes: Vec<String>,
}

impl Grants {
    /// Whether it issues or checks tokens.
    pub(crate) fn uses_tokens(&self) -> bool {
        self.issues_tokens || self.verifies_tokens
    }

    /// Whether it needs a PostgreSQL database: for itself, for documents kept in one, or to know
    /// which sessions have ended.
    pub(super) fn needs_database(&self, documents_in_postgres: bool) -> bool {
        let documents = documents_in_postgres && !self.collections.is_empty();
        self.postgres || documents || self.uses_tokens()
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> BTreeMap<String, Grants> {
    let names = reader.names("components");
    names
        .into_iter()
        .map(|name| {
            if RESERVED.contains(&name.as_str()) {
                reader.refuse_setting(&format!("components.{name}"), "is a reserved name");
            }
            let grants = read_grants(reader, &name);
            (name, grants)
        })
        .collect()
}

fn read_grants(reader: &mut Reader<'_>, name: &str) -> Grants {
    reader.named_section("components", name, |section| {
        let all_names = |names: &Vec<String>| names.iter().all(|name| is_name(name));
        let tokens = section.accepted(
            "tokens",
            Vec::new(),
            "a list of `issue` and `verify`",
            |names: &Vec<String>| names.iter().all(|name| name == "issue" || name == "verify"),
        );
        Grants {
            postgres: section.value("postgres", false),
            collections: section.accepted(
                "collections",
                Vec::new(),
                "a list of names: a letter, then up to 47 letters, digits, `_` and `-`, all lower case",
                |names: &Vec<String>| names.iter().all(|name| is_name(&name.replace('_', "-"))),
            ),
            peers: section.accepted(
                "peers",
                Vec::new(),
                "a list of peers' names, or of `*` for every other",
                |names: &Vec<String>| names.iter().all(|name| is_name(name) || name == EVERY_OTHER),
            ),
            passwords: section.value("passwords", false),
            issues_tokens: tokens.iter().any(|name| name == "issue"),
            verifies_tokens: tokens.iter().any(|name| name == "verify"),
            envelopes: section.accepted(
                "envelopes",
                Vec::new(),
                "a list of services' names and `client`",
                all_names,
            ),
        }
    })
}
