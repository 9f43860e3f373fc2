//! Where the peers are.

use std::{collections::HashMap, sync::RwLock};

use reqwest::Url;

/// Addresses by peer name.
///
/// Changeable, because `up` learns on which port it serves a service only after the components that
/// call it were prepared.
#[derive(Debug, Default)]
pub struct Peers(RwLock<HashMap<String, Url>>);

impl Peers {
    /// Sets the address of a peer; paths are appended to it.
    pub fn set(&self, name: &str, url: Url) {
        self.0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(name.to_owned(), url);
    }

    /// The address of a peer, if it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Url> {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(name)
            .cloned()
    }
}
