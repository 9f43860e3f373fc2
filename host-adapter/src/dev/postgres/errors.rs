//! Why there is no private PostgreSQL.

use std::io;
use std::path::PathBuf;

/// Why the private PostgreSQL could not be started or stopped. The text is for the person at the
/// terminal, and says what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL's programs `initdb` and `pg_ctl` were not found; install them \
         (Debian and Ubuntu: `apt-get install postgresql`, Fedora: `dnf install postgresql-server`, \
         macOS: `brew install postgresql`), or set `DATABASE_URL` to a server of your own"
    )]
    NotInstalled,
    /// The data was written by a version of PostgreSQL that is not installed any more.
    #[error(
        "the data in `{}` needs PostgreSQL {version}, which is not installed; install it \
         (Debian: `apt-get install postgresql-{version}`), or delete the directory to begin anew",
        directory.display()
    )]
    VersionMissing {
        /// Where the data is.
        directory: PathBuf,
        /// The major version that wrote it.
        version: String,
    },
    /// Root may not run PostgreSQL, and there is nobody else to do it.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` \
         to run it"
    )]
    NoAccount,
    /// A file or directory cannot be made, read or given away.
    #[error("{doing} `{}` failed: {}", path.display(), source.kind())]
    Files {
        /// What was being done, such as "creating".
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A directory that must be private is somebody else's.
    #[error("`{}` belongs to another user; remove it, or run as that user", path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
    },
    /// One of PostgreSQL's programs did not do its work.
    #[error("`{program}` failed{}", Tail(.output))]
    Program {
        /// Its name.
        program: String,
        /// The end of what it and PostgreSQL's log said.
        output: String,
    },
    /// The server does not take the password that it was made with.
    #[error("PostgreSQL refuses the password in `{}`; restore it, or delete the directory", path.display())]
    Refused {
        /// The file with the password.
        path: PathBuf,
    },
    /// It runs, or another process is starting it, but it accepts no connection.
    #[error("PostgreSQL in `{}` accepts no connection{}", directory.display(), Tail(.output))]
    NotAnswering {
        /// Where the data is.
        directory: PathBuf,
        /// The end of PostgreSQL's log, or why it was not asked.
        output: String,
    },
}

/// What a program said, below the sentence about it.
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
