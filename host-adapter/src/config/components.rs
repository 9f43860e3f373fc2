//! What each component is granted. What is not granted is denied.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use adapter_capabilities::vault::{EVERY_VERIFIER, TokenSettings};

use super::layers::{Layers, is_name};

/// Reserved names: the key of answers, the whole application in `[listen]`, the outside caller's key,
/// the signing key, the key behind database roles, schemas that are not a component's, and this
/// program, which has that name in the log.
pub(crate) const RESERVED: [&str; 9] = [
    "answers",
    "app",
    "client",
    "documents",
    "host-adapter",
    "public",
    "roles",
    "spindle",
    "tokens",
];

/// In `peers`, every other component and peer.
pub(super) const EVERY_OTHER: &str = "*";

/// The grants of one component.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Grants {
    /// A PostgreSQL role and schema of its own.
    pub postgres: bool,
    /// Document collections.
    #[serde(deserialize_with = "collections")]
    pub collections: Vec<String>,
    /// Peers that it may call and send messages to.
    #[serde(deserialize_with = "peers")]
    pub peers: Vec<String>,
    /// Hashing and checking passwords.
    pub passwords: bool,
    /// What it may do with access tokens.
    pub tokens: Vec<TokenUse>,
    /// Whose envelopes it can open, and for whom it can seal; `client` is any outside caller.
    #[serde(deserialize_with = "envelopes")]
    pub envelopes: Vec<String>,
    /// Whether `peers` named every other component and peer, by `*`.
    #[serde(skip)]
    pub every_other: bool,
}

/// What a component may do with access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenUse {
    /// Issue them, and end sessions.
    Issue,
    /// Verify them.
    Verify,
}

impl Grants {
    /// Whether it may use tokens in this way.
    pub(crate) fn may(&self, token_use: TokenUse) -> bool {
        self.tokens.contains(&token_use)
    }

    /// Whether it needs a PostgreSQL database: for itself, for documents kept in one, or to know
    /// which sessions have ended.
    pub(super) fn needs_database(&self, documents_in_postgres: bool) -> bool {
        let documents = documents_in_postgres && !self.collections.is_empty();
        self.postgres || documents || !self.tokens.is_empty()
    }
}

/// Replaces `*` in the audiences of tokens by every component that may verify them.
pub(super) fn name_every_verifier(
    tokens: &mut TokenSettings,
    components: &BTreeMap<String, Grants>,
) {
    let before = tokens.audiences.len();
    tokens.audiences.retain(|name| name != EVERY_VERIFIER);
    if tokens.audiences.len() == before {
        return;
    }
    let verifiers = components.iter();
    let verifiers = verifiers.filter(|(_, grants)| grants.may(TokenUse::Verify));
    let mut verifiers: Vec<String> = verifiers.map(|(name, _)| name.clone()).collect();
    verifiers.retain(|name| !tokens.audiences.contains(name));
    tokens.audiences.extend(verifiers);
}

pub(super) fn read(layers: &mut Layers<'_>) -> BTreeMap<String, Grants> {
    let names = layers.names("components");
    names
        .into_iter()
        .map(|name| {
            let path = format!("components.{name}");
            if RESERVED.contains(&name.as_str()) {
                layers.reject_setting(&path, "is a reserved name");
            }
            (name, layers.section(&path))
        })
        .collect()
}

fn collections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let expected =
        "a list of names: a letter, then up to 47 letters, digits, `_` and `-`, all lower case";
    names(deserializer, expected, |name| {
        is_name(&name.replace('_', "-"))
    })
}

fn peers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let expected = "a list of peers' names, or of `*` for every other";
    names(deserializer, expected, |name| {
        is_name(name) || name == EVERY_OTHER
    })
}

fn envelopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    names(
        deserializer,
        "a list of services' names and `client`",
        is_name,
    )
}

fn names<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    accepts: impl Fn(&str) -> bool,
) -> Result<Vec<String>, D::Error> {
    // `Layers::find` uses only the text after `expected`.
    let error = || serde::de::Error::custom(format!("expected {expected}"));
    let names = Vec::<String>::deserialize(deserializer).map_err(|_| error())?;
    if names.iter().all(|name| accepts(name)) {
        return Ok(names);
    }
    Err(error())
}
