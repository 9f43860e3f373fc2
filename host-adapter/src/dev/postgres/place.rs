//! Where a cluster's files and socket are.
//!
//! Everything is in one directory that only the cluster's user (and root) can enter, the socket
//! included: that alone keeps other users of the machine out, before any password does.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::account::{Account, failed};
use super::errors::DevError;

/// Below this, by a hash of the place that was wanted, where the cluster's user cannot enter that.
const FALLBACK: &str = "/var/lib/spindle";

/// For the socket alone, where the directory's path is too long for one.
const SOCKET_FALLBACK: &str = "/tmp";

/// A socket's path has at most 107 bytes (Linux; 103 on macOS), and PostgreSQL adds the name.
const LONGEST_SOCKET_DIRECTORY: usize = 103 - "/.s.PGSQL.5432".len();

/// The paths of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Holds everything but, where its path is too long, the socket.
    pub(super) directory: PathBuf,
    /// The directory of the socket, as clients give it for a host.
    pub(super) socket_directory: PathBuf,
}

impl Place {
    /// Make sure of the directories, at `wanted` or where `account` can enter.
    pub(super) async fn prepare(wanted: &Path, account: &Account) -> Result<Self, DevError> {
        let wanted = std::path::absolute(wanted).map_err(failed("finding", wanted))?;
        let parent = wanted.parent().unwrap_or(&wanted);
        std::fs::create_dir_all(parent).map_err(failed("creating", parent))?;
        let directory = if account.is_other() && !account.can_enter(parent).await {
            moved(&wanted)?
        } else {
            wanted
        };
        account.private_directory(&directory)?;
        let socket_directory = short_enough(&directory);
        account.private_directory(&socket_directory)?;
        Ok(Self {
            directory,
            socket_directory,
        })
    }

    /// PostgreSQL's data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The password of the cluster's only role, to begin with.
    pub(super) fn password(&self) -> PathBuf {
        self.directory.join("password")
    }

    /// PostgreSQL's log since its last start.
    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }
}

fn moved(wanted: &Path) -> Result<PathBuf, DevError> {
    let fallback = Path::new(FALLBACK);
    std::fs::create_dir_all(fallback).map_err(failed("creating", fallback))?;
    // Whatever our umask is: what is private is one level below.
    let passable = Permissions::from_mode(0o755);
    std::fs::set_permissions(fallback, passable).map_err(failed("opening", fallback))?;
    let directory = fallback.join(fingerprint(wanted));
    tracing::info!(
        "PostgreSQL cannot run as root, and its own user cannot enter `{}`: the data is in `{}`",
        wanted.display(),
        directory.display()
    );
    Ok(directory)
}

fn short_enough(directory: &Path) -> PathBuf {
    if directory.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY {
        return directory.to_owned();
    }
    Path::new(SOCKET_FALLBACK).join(format!("spindle-{}", fingerprint(directory)))
}

/// Sixteen characters that stand for a path, the same each time.
fn fingerprint(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    hex::encode(digest).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_a_deep_directory_goes_where_its_path_is_short() {
        let deep = PathBuf::from(format!("/{}", "directory/".repeat(12)));
        let short = short_enough(&deep);
        assert!(
            short.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY,
            "{short:?}"
        );
        assert_eq!(short, short_enough(&deep));
        assert_eq!(
            short_enough(Path::new("/project/.spindle")),
            Path::new("/project/.spindle")
        );
    }
}
