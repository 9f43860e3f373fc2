//! Capabilities without a component: what the host would give to one, on a database of its own.

use std::{ops::Deref, path::Path};

use adapter_capabilities::{
    Capabilities,
    documents::{Documents, Index},
};
use host_adapter::{
    assembly::{self, Assembly},
    config::{Environment, Settings},
    database,
};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use super::{cluster, mongodb};

/// Everything that `settings` (an `adapter.toml`) grants.
pub(crate) struct Granted {
    pub(crate) assembly: Assembly,
    pub(crate) database: SecretString,
    /// Goes with it.
    directory: Option<TempDir>,
}

impl Granted {
    pub(crate) async fn new(settings: &str) -> Self {
        Self::with_mongodb(settings, None).await
    }

    /// With documents in MongoDB, if there is a URL of one.
    pub(crate) async fn with_mongodb(settings: &str, mongodb: Option<&SecretString>) -> Self {
        let variables = mongodb.map(|url| ("MONGODB_URL", url.expose_secret()));
        let environment = Environment::new(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
            [],
        );
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("adapter.toml"), settings).expect("write");
        let settings = Settings::load(directory.path(), Path::new("adapter.toml"), &environment);
        let database = cluster::database().await;
        let mut granted = Self::assembled(settings.expect("settings"), &database).await;
        granted.directory = Some(directory);
        granted
    }

    /// Everything that `settings` grants, in this database.
    pub(crate) async fn assembled(settings: Settings, database: &SecretString) -> Self {
        // As the program does at its start: the HTTP client is built with it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let admin = database::options(database).expect("a URL");
        let keys = assembly::keys(&settings).expect("keys");
        let assembly = assembly::assemble(&settings, &admin, &keys)
            .await
            .expect("assemble");
        Self {
            assembly,
            database: database.clone(),
            directory: None,
        }
    }

    pub(crate) fn of(&self, component: &str) -> Capabilities {
        self.assembly.capabilities[component].clone()
    }
}

/// Documents, and the databases that they are in.
pub(crate) struct HeldDocuments {
    documents: Documents,
    granted: Granted,
    /// Goes with them.
    mongodb: Option<mongodb::Database>,
}

impl HeldDocuments {
    /// Whether they are in a server that is not MongoDB itself.
    pub(crate) async fn are_in_small_server(&self) -> bool {
        match &self.mongodb {
            Some(database) => mongodb::is_small_server(&database.url).await,
            None => false,
        }
    }
}

impl Deref for HeldDocuments {
    type Target = Documents;

    fn deref(&self) -> &Documents {
        &self.documents
    }
}

/// Empty collections in PostgreSQL, in a database of their own.
pub(crate) async fn documents(collections: &[&str]) -> HeldDocuments {
    held(collections, None).await
}

/// Empty collections in PostgreSQL, with indexes on the fields that the conformance suite likes best.
pub(crate) async fn documents_with_indexes(collections: &[&str]) -> HeldDocuments {
    let held = held(collections, None).await;
    let store = held.granted.assembly.documents.as_ref().expect("a store");
    for (number, fields) in INDEXES.iter().enumerate() {
        for collection in collections {
            let fields: Vec<String> = fields.split(' ').map(str::to_owned).collect();
            let index = Index::new(collection, &format!("index_{number}"), &fields, false);
            store
                .create_index(&index.expect("an index"))
                .await
                .expect("made");
        }
    }
    held
}

/// Fields apart by blanks.
const INDEXES: [&str; 9] = [
    "v",
    "-n",
    "t n",
    "at",
    "p.q",
    "k -o.n",
    "-v -n",
    "p.q.r",
    "kind -user",
];

/// Empty collections in MongoDB, in a database of their own.
pub(crate) async fn documents_in_mongodb(collections: &[&str]) -> HeldDocuments {
    held(collections, Some(mongodb::database().await)).await
}

async fn held(collections: &[&str], mongodb: Option<mongodb::Database>) -> HeldDocuments {
    let list = collections.join("\", \"");
    let settings = format!("[components.test]\ncollections = [\"{list}\"]\n");
    let url = mongodb.as_ref().map(|database| &database.url);
    let granted = Granted::with_mongodb(&settings, url).await;
    let documents = granted
        .of("test")
        .documents()
        .unwrap_or_else(|denied| panic!("{denied}"))
        .clone();
    HeldDocuments {
        documents,
        granted,
        mongodb,
    }
}
