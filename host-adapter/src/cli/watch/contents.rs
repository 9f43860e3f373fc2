//! What files contained when they were looked at.

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// How much of a file is compared, in bytes. No source is longer.
const MAX_COMPARED: u64 = 16 << 20;

/// The digests of files by path. `None` stands for a file that cannot be read, or a directory.
#[derive(Default)]
pub(super) struct Contents(HashMap<PathBuf, Option<[u8; 32]>>);

impl Contents {
    /// Whether the file differs from what it was at the last call. It does at the first.
    pub(super) fn changed(&mut self, path: &Path) -> bool {
        let digest = digest(path);
        // Of a directory nothing can be compared.
        self.0.insert(path.to_owned(), digest) != Some(digest) || path.is_dir()
    }
}

fn digest(path: &Path) -> Option<[u8; 32]> {
    let mut content = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_COMPARED).read_to_end(&mut content).ok()?;
    Some(Sha256::digest(&content).into())
}
