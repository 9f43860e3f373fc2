//! The program and the components of one release.

use std::path::{Path, PathBuf};

/// What [`Builder::release`](super::Builder::release) runs.
#[derive(Clone)]
pub(crate) struct Release {
    pub(super) program: PathBuf,
    pub(super) project: PathBuf,
}

impl Release {
    /// That of the tests.
    pub(crate) fn current() -> Self {
        Self {
            program: env!("CARGO_BIN_EXE_host-adapter").into(),
            project: super::project(),
        }
    }

    /// Another one, which `./dev build` has built in this directory.
    pub(crate) fn in_directory(directory: &Path) -> Self {
        Self {
            program: directory.join("target/debug/host-adapter"),
            project: directory.to_owned(),
        }
    }
}
