//! Capabilities without a component: the same ones that the host gives to components, on a database
//! for each test.

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

/// The capabilities that an `adapter.toml` grants to its components.
pub(crate) struct Granted {
    pub(crate) assembly: Assembly,
    pub(crate) database: SecretString,
    /// Keeps the temporary directory until this value is dropped.
    directory: Option<TempDir>,
}

impl Granted {
    pub(crate) async fn new(settings: &str) -> Self {
        Self::with_mongodb(settings, None).await
    }

    /// Stores documents in MongoDB if `mongodb` is a URL, and otherwise in PostgreSQL.
    pub(crate) async fn with_mongodb(settings: &str, mongodb: Option<&SecretString>) -> Self {
        let database = cluster::database().await;
        Self::read(settings, mongodb, &database).await
    }

    /// Assembles the capabilities on an existing database, as a second adapter does.
    pub(crate) async fn on_database(settings: &str, database: &SecretString) -> Self {
        Self::read(settings, None, database).await
    }

    async fn read(settings: &str, mongodb: Option<&SecretString>, database: &SecretString) -> Self {
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
        let mut granted = Self::from_settings(settings.expect("settings"), database).await;
        granted.directory = Some(directory);
        granted
    }

    /// Assembles the capabilities on an existing database.
    pub(crate) async fn from_settings(settings: Settings, database: &SecretString) -> Self {
        // The HTTP client needs it. The program does the same when it starts.
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

    pub(crate) fn capabilities_of(&self, component: &str) -> Capabilities {
        self.assembly.capabilities[component].clone()
    }
}

/// Documents of a test, and the databases that store them.
pub(crate) struct TestDocuments {
    documents: Documents,
    granted: Granted,
    /// Keeps the database until this value is dropped.
    mongodb: Option<mongodb::Database>,
}

impl TestDocuments {
    /// Whether the documents are stored in the stand-in for MongoDB.
    pub(crate) async fn are_in_stand_in(&self) -> bool {
        match &self.mongodb {
            Some(database) => mongodb::is_stand_in(&database.url).await,
            None => false,
        }
    }
}

impl Deref for TestDocuments {
    type Target = Documents;

    fn deref(&self) -> &Documents {
        &self.documents
    }
}

/// Creates empty collections in a new PostgreSQL database.
pub(crate) async fn documents(collections: &[&str]) -> TestDocuments {
    create_documents(collections, None).await
}

/// Creates empty collections in PostgreSQL, with indexes on the fields that the conformance tests use
/// most.
pub(crate) async fn documents_with_indexes(collections: &[&str]) -> TestDocuments {
    let documents = create_documents(collections, None).await;
    let store = documents
        .granted
        .assembly
        .documents
        .as_ref()
        .expect("a store");
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
    documents
}

/// The space-separated fields of each index.
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

/// Creates empty collections in a new MongoDB database.
pub(crate) async fn documents_in_mongodb(collections: &[&str]) -> TestDocuments {
    create_documents(collections, Some(mongodb::database().await)).await
}

/// Limits that a busy machine does not exceed: the cases are about what calls mean.
const PATIENT: &str = "[postgres]\nacquire_timeout = \"40s\"\nstatement_timeout = \"40s\"\n\
    [mongodb]\nacquire_timeout = \"40s\"\noperation_timeout = \"40s\"\n\
    [server]\nrequest_timeout = \"50s\"\n[host]\nrequest_timeout = \"55s\"\n";

async fn create_documents(
    collections: &[&str],
    mongodb: Option<mongodb::Database>,
) -> TestDocuments {
    let list = collections.join("\", \"");
    let settings = format!("{PATIENT}[components.test]\ncollections = [\"{list}\"]\n");
    let url = mongodb.as_ref().map(|database| &database.url);
    let granted = Granted::with_mongodb(&settings, url).await;
    let documents = granted
        .capabilities_of("test")
        .documents()
        .unwrap_or_else(|denied| panic!("{denied}"))
        .clone();
    TestDocuments {
        documents,
        granted,
        mongodb,
    }
}
