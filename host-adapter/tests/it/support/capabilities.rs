//! Capabilities without a component: what the host would give to one, on a database of its own.

use std::{collections::HashMap, ops::Deref, path::Path, sync::Arc};

use host_adapter::{
    assembly::{self, Assembly},
    capabilities::{Capabilities, documents::Documents},
    config::{Environment, Settings},
    database,
};
use secrecy::SecretString;
use tempfile::TempDir;

use super::cluster;

/// Everything that `settings` (an `adapter.toml`) grants.
pub(crate) struct Granted {
    pub(crate) assembly: Assembly,
    pub(crate) database: SecretString,
    _directory: TempDir,
}

impl Granted {
    pub(crate) async fn new(settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("adapter.toml"), settings).expect("write");
        let settings = Settings::load(
            directory.path(),
            Path::new("adapter.toml"),
            &Environment::default(),
        );
        let settings = settings.expect("settings");
        // As the program does at its start: the HTTP client is built with it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = cluster::database().await;
        let admin = database::options(&database).expect("a URL");
        let keys = assembly::keys(&settings).expect("keys");
        let assembly = assembly::assemble(&settings, &admin, &keys)
            .await
            .expect("assemble");
        Self {
            assembly,
            database,
            _directory: directory,
        }
    }

    pub(crate) fn of(&self, component: &str) -> Arc<Capabilities> {
        let all: &HashMap<String, Arc<Capabilities>> = &self.assembly.capabilities;
        all[component].clone()
    }
}

/// Documents, and the database that they are in.
pub(crate) struct HeldDocuments {
    documents: Documents,
    _granted: Granted,
}

impl Deref for HeldDocuments {
    type Target = Documents;

    fn deref(&self) -> &Documents {
        &self.documents
    }
}

/// Empty collections in a database of their own.
pub(crate) async fn documents(collections: &[&str]) -> HeldDocuments {
    let list = collections.join("\", \"");
    let granted = Granted::new(&format!("[components.test]\ncollections = [\"{list}\"]\n")).await;
    let documents = granted
        .of("test")
        .documents()
        .unwrap_or_else(|denied| panic!("{denied}"))
        .clone();
    HeldDocuments {
        documents,
        _granted: granted,
    }
}
