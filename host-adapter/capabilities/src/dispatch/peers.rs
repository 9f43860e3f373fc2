//! The addresses of peers.

use std::{collections::HashMap, sync::RwLock};

use reqwest::Url;

/// The addresses of peers, by name.
///
/// Addresses can be set later, because `up` knows the port of a service only after it has prepared the
/// components that call the service.
#[derive(Debug, Default)]
pub struct Peers(RwLock<HashMap<String, Url>>);

impl Peers {
    /// Sets the address of a peer. The paths of calls are appended to it.
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
