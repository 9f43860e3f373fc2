//! MongoDB's own program.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

const NAME: &str = "mongod";

/// The first `mongod` in `path`, a list of directories.
pub(super) fn find(path: &OsStr) -> Option<PathBuf> {
    let mut candidates = std::env::split_paths(path).map(|directory| directory.join(NAME));
    candidates.find(|program| program.is_file())
}

/// The command line of a server on the loopback address with its data in `data`.
pub(super) fn command(program: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    command.args(["--quiet", "--nounixsocket", "--bind_ip", "127.0.0.1"]);
    command.args(["--port", &port.to_string(), "--dbpath"]);
    command.arg(data);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mongod_of_the_path_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let directories = ["none", "first", "second"].map(|name| directory.path().join(name));
        let path = std::env::join_paths(&directories).unwrap();
        assert_eq!(find(&path), None);
        for directory in &directories[1..] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join("mongod"), "").unwrap();
        }
        assert_eq!(find(&path), Some(directories[1].join("mongod")));
    }
}
