//! The errors of the private PostgreSQL.

use std::io;
use std::path::PathBuf;

/// The private PostgreSQL could not be started or stopped. The text is for the person at the terminal,
/// and says what to do if that is known.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL's programs `initdb` and `pg_ctl` were not found; install them \
         (Debian and Ubuntu: `apt-get install postgresql`, Fedora: `dnf install postgresql-server`, \
         macOS: `brew install postgresql`), or set `DATABASE_URL` to a server of your own"
    )]
    NotInstalled,
    /// The version of PostgreSQL that wrote the data is not installed.
    #[error(
        "the data in `{}` needs PostgreSQL {version}, which is not installed; install it \
         (Debian: `apt-get install postgresql-{version}`), or delete the directory to start with an empty database",
        directory.display()
    )]
    VersionMissing {
        /// Where the data is.
        directory: PathBuf,
        /// The major version that wrote it.
        version: String,
    },
    /// Root may not run PostgreSQL, and none of the users exists that could.
    #[error(
        "PostgreSQL does not run as root, and neither of the users `postgres` and `nobody` exists; \
         create the user `postgres`, or run as a user other than root"
    )]
    NoAccount,
    /// An operation on a file or directory failed.
    #[error("{doing} `{}` failed: {}", path.display(), source.kind())]
    Files {
        /// The operation, such as "creating".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A directory that must be private belongs to another user.
    #[error("`{}` belongs to another user; remove it, or run as that user", path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
    },
    /// One of PostgreSQL's programs failed.
    #[error("`{program}` failed{}", Tail(.output))]
    Program {
        /// The name of the program.
        program: String,
        /// The end of its output and of PostgreSQL's log.
        output: String,
    },
    /// The server rejects the password in the password file.
    #[error("PostgreSQL rejects the password in `{}`; restore it, or delete the directory", path.display())]
    WrongPassword {
        /// The file with the password.
        path: PathBuf,
    },
    /// The server runs, or another process is starting it, but it does not accept connections.
    #[error("PostgreSQL in `{}` does not accept connections{}", directory.display(), Tail(.output))]
    NotAnswering {
        /// Where the data is.
        directory: PathBuf,
        /// The end of PostgreSQL's log, or why the server was not started.
        output: String,
    },
}

/// Formats a program's output, indented below the error's sentence.
struct Tail<'a>(&'a str);

impl std::fmt::Display for Tail<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(formatter, ":")?;
        self.0
            .lines()
            .try_for_each(|line| write!(formatter, "\n  {line}"))
    }
}
