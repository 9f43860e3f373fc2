//! The user that runs PostgreSQL: the current user, or an unprivileged one if that is root.
//!
//! The ids come from the program `id`. It reads all the system's sources of users, and needs no unsafe
//! call.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::errors::DevError;

/// Users that run PostgreSQL for root, in order of preference. Debian's package creates the first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The user and group that own the cluster's files and processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    user: u32,
    group: u32,
    /// Whether this process has to switch to that user.
    change: bool,
}

impl Account {
    /// Finds the current user or, for root, the first user in [`UNPRIVILEGED`] that exists.
    pub(super) async fn find() -> Result<Self, DevError> {
        if let (Some(user), Some(group)) = (query_id(&["-u"]).await, query_id(&["-g"]).await)
            && user != 0
        {
            return Ok(Self {
                user,
                group,
                change: false,
            });
        }
        for name in UNPRIVILEGED {
            if let (Some(user), Some(group)) =
                (query_id(&["-u", name]).await, query_id(&["-g", name]).await)
            {
                return Ok(Self {
                    user,
                    group,
                    change: true,
                });
            }
        }
        Err(DevError::NoAccount)
    }

    /// Whether it differs from the current user, which is then root.
    pub(super) fn is_other(self) -> bool {
        self.change
    }

    /// Makes `command` run as this user, in a new process group. Ctrl-C in a terminal stops a whole
    /// group, and the cluster has to stop after the adapter, not at the same time.
    pub(super) fn configure(&self, command: &mut Command) {
        if self.change {
            // This also drops supplementary groups.
            command.uid(self.user).gid(self.group);
        }
        command.process_group(0);
    }

    /// Whether it can enter `directory` and all its parents.
    pub(super) async fn can_enter(&self, directory: &Path) -> bool {
        let mut command = tokio::process::Command::new("true");
        self.configure(command.as_std_mut());
        // The child changes the user before the directory, so the system checks the permission.
        let status = command.current_dir(directory).status().await;
        status.is_ok_and(|status| status.success())
    }

    /// Makes it the owner of a file or directory.
    pub(super) fn take_ownership(&self, path: &Path) -> Result<(), DevError> {
        if !self.change {
            return Ok(());
        }
        chown(path, Some(self.user), Some(self.group))
            .map_err(file_error("changing the owner of", path))
    }

    /// Creates a directory, unless it exists, that only this user and root can enter.
    pub(super) fn ensure_private_directory(&self, path: &Path) -> Result<(), DevError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => self.take_ownership(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.check_private(path),
            Err(error) => Err(file_error("creating", path)(error)),
        }
    }

    /// Another user may have created it, if everyone can write to its parent.
    fn check_private(&self, path: &Path) -> Result<(), DevError> {
        let metadata = path
            .symlink_metadata()
            .map_err(file_error("reading", path))?;
        let ours = metadata.uid() == self.user || (self.change && metadata.uid() == 0);
        if !metadata.is_dir() || !ours {
            return Err(DevError::NotPrivate {
                path: path.to_owned(),
            });
        }
        let private = Permissions::from_mode(0o700);
        std::fs::set_permissions(path, private)
            .map_err(file_error("changing the permissions of", path))?;
        self.take_ownership(path)
    }
}

/// For `map_err`: the error of an operation on a file.
pub(super) fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DevError {
    let path = path.to_owned();
    move |source| DevError::Files {
        doing,
        path,
        source,
    }
}

async fn query_id(arguments: &[&str]) -> Option<u32> {
    let output = tokio::process::Command::new("id")
        .args(arguments)
        .output()
        .await
        .ok()?;
    let number = String::from_utf8(output.stdout).ok()?;
    number.trim().parse().ok()
}
