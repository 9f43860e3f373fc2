//! One MongoDB for the test run, with a database for each test. It is the server at `MONGODB_URL`, or
//! otherwise a private one.

use std::path::{Path, PathBuf};

use host_adapter::dev::{MongoDbOptions, PrivateMongoDb};
use mongodb::{Client, bson::doc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

/// Stops when the test process ends.
static SERVER: OnceCell<PrivateMongoDb> = OnceCell::const_new();

/// The database of one test. On a server that outlives the tests, dropping this value drops it.
pub(crate) struct Database {
    pub(crate) url: SecretString,
    drop: bool,
}

/// Returns an empty database. The server creates it at the first write.
pub(crate) async fn database() -> Database {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    match std::env::var("MONGODB_URL") {
        Ok(url) => Database {
            url: with_database(&url, &name).into(),
            drop: true,
        },
        Err(_) => {
            let start = || async { start_private_server(None).await };
            Database {
                url: SERVER.get_or_init(start).await.url(&name),
                drop: false,
            }
        }
    }
}

/// Returns the `mongod` in the `PATH`, or otherwise the stand-in.
pub(crate) fn mongod() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join("mongod"));
    found
        .into_iter()
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            let built = super::project().join(".spindle/mongodb-server/classes");
            assert!(
                built.exists(),
                "there is no `mongod`, and no stand-in is built: run `./dev test`"
            );
            super::project().join("host-adapter/tests/mongodb-server/mongod")
        })
}

/// Starts a server that a test may kill. `kept` is the directory of its data, which then outlives
/// the server. Without `kept`, the data is temporary.
pub(crate) async fn start_private_server(kept: Option<&Path>) -> PrivateMongoDb {
    let mut options = MongoDbOptions {
        program: Some(mongod()),
        port: None,
        temporary: true,
    };
    let own = std::env::temp_dir().join(format!("spindle-mongodb-{}", uuid::Uuid::now_v7()));
    let directory = match kept {
        Some(directory) => {
            options.temporary = false;
            directory
        }
        None => &own,
    };
    let started = PrivateMongoDb::start(directory, &options).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// Opens a new connection.
pub(crate) async fn connect(url: &SecretString) -> mongodb::Database {
    let client = Client::with_uri_str(url.expose_secret()).await;
    let client = client.expect("connect to MongoDB");
    client.default_database().expect("a database in the URL")
}

/// Whether the server is the stand-in. Only MongoDB itself reports `modules` in its build info.
pub(crate) async fn is_stand_in(url: &SecretString) -> bool {
    let database = connect(url).await;
    let about = database.run_command(doc! { "buildInfo": 1 }).await;
    let about = about.expect("a server that says what it is");
    !about.contains_key("modules")
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.drop {
            return;
        }
        let url = self.url.clone();
        // The test's runtime is shutting down and must not be blocked, so use another one.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async { connect(&url).await.drop().await })
        });
        if let Ok(Err(error)) = dropping.join() {
            println!("a test's database is left over: {error}");
        }
    }
}

/// Replaces the database in the URL. It is split by hand, because URL parsers reject several hosts.
fn with_database(url: &str, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a MongoDB URL");
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, before) = place.split_once('/').unwrap_or((place, ""));
    // Users are stored in the database that the URL names, unless `authSource` names another.
    let source = if before.is_empty() || query.contains("authSource=") || !hosts.contains('@') {
        String::new()
    } else {
        format!("&authSource={before}")
    };
    format!("{scheme}://{hosts}/{database}?{query}{source}")
}
