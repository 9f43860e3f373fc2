//! Why there is no private MongoDB.

use std::{io, path::PathBuf};

/// Why the private MongoDB could not be started. The text is for the person at the terminal, and says
/// what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum MongoDbError {
    /// There is no `mongod`.
    #[error(
        "there is no `mongod` in the path: install MongoDB's server, or set `MONGODB_URL` to a server \
         of your own"
    )]
    NotInstalled,
    /// Another process runs a server on the same data.
    #[error("another process runs a server on the data in `{}`", directory.display())]
    InUse {
        /// Where the data is.
        directory: PathBuf,
    },
    /// A file or directory cannot be made or read.
    #[error("{doing} `{}` failed: {}", path.display(), source.kind())]
    Files {
        /// What was being done, such as "creating".
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The server exited immediately, or does not answer.
    #[error("the MongoDB in `{}` does not answer; it said: {output}", directory.display())]
    NotAnswering {
        /// Where the data is.
        directory: PathBuf,
        /// The end of what it said.
        output: String,
    },
}
