//! The directory with a cluster's files and its socket.
//!
//! Only the cluster's user and root can enter it. This keeps other users of the machine out, even
//! without a password.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::account::{Account, file_error};
use super::errors::DevError;

/// Parent of the data directory if the cluster's user cannot enter the requested one. The directory's
/// name is a hash of the requested path.
const FALLBACK: &str = "/var/lib/spindle";

/// Parent of the socket's directory if the path of the data directory is too long for a socket.
const SOCKET_FALLBACK: &str = "/tmp";

/// A socket's path has at most 107 bytes (Linux; 103 on macOS), and PostgreSQL adds the name.
const LONGEST_SOCKET_DIRECTORY: usize = 103 - "/.s.PGSQL.5432".len();

/// The paths of one cluster.
#[derive(Clone, Debug)]
pub(super) struct DataDirectory {
    /// Holds all files, except the socket if the path is too long for it.
    pub(super) root: PathBuf,
    /// The socket's directory, which clients use as the host name.
    pub(super) socket: PathBuf,
}

impl DataDirectory {
    /// Creates the directories at `requested`, or under `/var/lib/spindle` if `account` cannot enter
    /// the parent of `requested`.
    pub(super) async fn prepare(requested: &Path, account: &Account) -> Result<Self, DevError> {
        let requested =
            std::path::absolute(requested).map_err(file_error("resolving", requested))?;
        let parent = requested.parent().unwrap_or(&requested);
        std::fs::create_dir_all(parent).map_err(file_error("creating", parent))?;
        let directory = if account.is_other() && !account.can_enter(parent).await {
            create_fallback(&requested)?
        } else {
            requested
        };
        account.ensure_private_directory(&directory)?;
        let socket_directory = choose_socket_directory(&directory);
        account.ensure_private_directory(&socket_directory)?;
        Ok(Self {
            root: directory,
            socket: socket_directory,
        })
    }

    /// The directories of a cluster that was created at `requested` before, without creating any. `None`
    /// if there is none.
    pub(super) fn existing(requested: &Path) -> Option<Self> {
        let requested = std::path::absolute(requested).ok()?;
        let fallback = Path::new(FALLBACK).join(hash_path(&requested));
        let candidates = [requested, fallback].into_iter();
        let root = candidates
            .into_iter()
            .find(|root| root.join("data").exists())?;
        let socket = choose_socket_directory(&root);
        Some(Self { root, socket })
    }

    /// PostgreSQL's data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The file with the password of the cluster's superuser.
    pub(super) fn password(&self) -> PathBuf {
        self.root.join("password")
    }

    /// The file with PostgreSQL's log since its last start.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }
}

fn create_fallback(requested: &Path) -> Result<PathBuf, DevError> {
    let fallback = Path::new(FALLBACK);
    std::fs::create_dir_all(fallback).map_err(file_error("creating", fallback))?;
    // Independent of the umask. The private directory is one level below.
    let open = Permissions::from_mode(0o755);
    std::fs::set_permissions(fallback, open)
        .map_err(file_error("changing the permissions of", fallback))?;
    let directory = fallback.join(hash_path(requested));
    tracing::info!(
        "PostgreSQL does not run as root, and its own user cannot enter `{}`: the data is in `{}`",
        requested.display(),
        directory.display()
    );
    Ok(directory)
}

fn choose_socket_directory(directory: &Path) -> PathBuf {
    if directory.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY {
        return directory.to_owned();
    }
    Path::new(SOCKET_FALLBACK).join(format!("spindle-{}", hash_path(directory)))
}

/// A hash of a path, in 16 hexadecimal digits.
fn hash_path(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    hex::encode(digest).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_of_deep_directory_has_short_path() {
        let deep = PathBuf::from(format!("/{}", "directory/".repeat(12)));
        let short = choose_socket_directory(&deep);
        assert!(
            short.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY,
            "{short:?}"
        );
        assert_eq!(short, choose_socket_directory(&deep));
        assert_eq!(
            choose_socket_directory(Path::new("/project/.spindle")),
            Path::new("/project/.spindle")
        );
    }
}
