//! What is there to serve documents: MongoDB's own program, or ours.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use super::MongoDbError;

/// The class of `host-adapter/dev/mongodb-server`.
const CLASS: &str = "MongoDbServer";

/// Enough for a million small documents, little enough beside PostgreSQL and the adapter.
const HEAP: &str = "-Xmx512m";

/// A program that serves documents.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// `mongod`
    MongoDb(PathBuf),
    /// `java`, and the class path of the small server.
    Small(PathBuf, OsString),
}

impl Program {
    /// `mongod` if it is in the path, else the small server in `server`.
    pub(super) fn find(server: &Path) -> Result<Self, MongoDbError> {
        Self::find_in(&std::env::var_os("PATH").unwrap_or_default(), server)
    }

    fn find_in(path: &OsStr, server: &Path) -> Result<Self, MongoDbError> {
        let program = |name: &str| {
            let mut found = std::env::split_paths(path).map(|directory| directory.join(name));
            found.find(|program| program.is_file())
        };
        if let Some(mongod) = program("mongod") {
            return Ok(Self::MongoDb(mongod));
        }
        let classes = server.join("classes");
        let built = classes.join(format!("{CLASS}.class")).is_file();
        match program("java").filter(|_| built) {
            Some(java) => {
                let mut class_path = classes.into_os_string();
                class_path.push(":");
                class_path.push(server.join("jars/*"));
                Ok(Self::Small(java, class_path))
            }
            None => Err(MongoDbError::NotInstalled {
                server: server.to_owned(),
            }),
        }
    }

    /// Its command line, for data in `directory`.
    pub(super) fn command(&self, directory: &Path, port: u16) -> Command {
        let port = port.to_string();
        match self {
            Self::MongoDb(mongod) => {
                let mut command = Command::new(mongod);
                command.args(["--quiet", "--nounixsocket", "--bind_ip", "127.0.0.1"]);
                command.args(["--port", &port, "--dbpath"]);
                command.arg(directory.join("mongod"));
                command
            }
            Self::Small(java, class_path) => {
                let mut command = Command::new(java);
                command.args([HEAP, "-XX:+UseSerialGC", "-cp"]);
                command.arg(class_path).args([CLASS, &port]);
                command.arg(directory.join("documents"));
                command
            }
        }
    }

    /// What it needs before it starts.
    pub(super) fn prepare(&self, directory: &Path) -> std::io::Result<()> {
        match self {
            Self::MongoDb(_) => std::fs::create_dir_all(directory.join("mongod")),
            Self::Small(..) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mongod_is_preferred_and_nothing_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let (path, server) = (
            directory.path().join("bin"),
            directory.path().join("server"),
        );
        let find = || Program::find_in(path.as_os_str(), &server);
        std::fs::create_dir_all(server.join("classes")).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("java"), "").unwrap();
        let error = find().unwrap_err().to_string();
        assert!(
            error.contains("apt-get install default-jdk-headless maven"),
            "{error}"
        );

        std::fs::write(server.join("classes/MongoDbServer.class"), "").unwrap();
        assert!(matches!(find().unwrap(), Program::Small(java, _) if java == path.join("java")));
        std::fs::write(path.join("mongod"), "").unwrap();
        assert_eq!(find().unwrap(), Program::MongoDb(path.join("mongod")));
    }
}
