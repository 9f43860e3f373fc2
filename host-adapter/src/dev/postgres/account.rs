//! Who runs PostgreSQL: we ourselves, or, as root, somebody without rights.
//!
//! The ids are asked from `id`, which knows every source of users that the system has, and needs
//! no unsafe call.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::errors::DevError;

/// Users that may run PostgreSQL for root, best first. Debian's package makes the first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The user and group that own the cluster's files and processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    user: u32,
    group: u32,
    /// Whether we have to become that user.
    change: bool,
}

impl Account {
    /// Who we are; as root, the first user in [`UNPRIVILEGED`] that there is.
    pub(super) async fn find() -> Result<Self, DevError> {
        if let (Some(user), Some(group)) = (id(&["-u"]).await, id(&["-g"]).await)
            && user != 0
        {
            return Ok(Self {
                user,
                group,
                change: false,
            });
        }
        for name in UNPRIVILEGED {
            if let (Some(user), Some(group)) = (id(&["-u", name]).await, id(&["-g", name]).await) {
                return Ok(Self {
                    user,
                    group,
                    change: true,
                });
            }
        }
        Err(DevError::NoAccount)
    }

    /// Whether it is another user than we are, because we are root.
    pub(super) fn is_other(self) -> bool {
        self.change
    }

    /// Let a program run as this user, in nobody else's group of processes: Ctrl-C in a terminal
    /// goes to all of a group, and the cluster ends after the adapter, not with it.
    pub(super) fn run(&self, command: &mut Command) {
        if self.change {
            // Supplementary groups are dropped with it.
            command.uid(self.user).gid(self.group);
        }
        command.process_group(0);
    }

    /// Whether it can enter `directory`, and thereby everything above it.
    pub(super) async fn can_enter(&self, directory: &Path) -> bool {
        let mut command = tokio::process::Command::new("true");
        self.run(command.as_std_mut());
        // The directory is changed after the user, so the system itself decides.
        let status = command.current_dir(directory).status().await;
        status.is_ok_and(|status| status.success())
    }

    /// Give it a file or directory.
    pub(super) fn own(&self, path: &Path) -> Result<(), DevError> {
        if !self.change {
            return Ok(());
        }
        chown(path, Some(self.user), Some(self.group)).map_err(failed("giving away", path))
    }

    /// Make sure of a directory that it owns and nobody else (but root) can enter.
    pub(super) fn private_directory(&self, path: &Path) -> Result<(), DevError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => self.own(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.check_private(path),
            Err(error) => Err(failed("creating", path)(error)),
        }
    }

    /// Somebody else may have made it first, in a directory that everybody can write to.
    fn check_private(&self, path: &Path) -> Result<(), DevError> {
        let metadata = path.symlink_metadata().map_err(failed("reading", path))?;
        let ours = metadata.uid() == self.user || (self.change && metadata.uid() == 0);
        if !metadata.is_dir() || !ours {
            return Err(DevError::NotPrivate {
                path: path.to_owned(),
            });
        }
        let private = Permissions::from_mode(0o700);
        std::fs::set_permissions(path, private).map_err(failed("closing", path))?;
        self.own(path)
    }
}

/// For `map_err`: the failure of doing something with a file.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DevError {
    let path = path.to_owned();
    move |source| DevError::Files {
        doing,
        path,
        source,
    }
}

async fn id(arguments: &[&str]) -> Option<u32> {
    let output = tokio::process::Command::new("id")
        .args(arguments)
        .output()
        .await
        .ok()?;
    let number = String::from_utf8(output.stdout).ok()?;
    number.trim().parse().ok()
}
