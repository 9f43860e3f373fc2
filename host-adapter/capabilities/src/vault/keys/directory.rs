//! The directory of key files: read with suspicion, written so that nobody sees half a key.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::super::errors::KeyError;
use super::jwk::{Key, Refusal};

/// A key file has some 300 bytes; whatever is larger is something else.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// Above this the directory is not one of keys. Rotating ten owners daily takes months to get there.
const MAX_FILES: usize = 1_000;

/// Making keys takes milliseconds. Who waits longer than this is told instead of hanging.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A key and where it came from.
pub(super) struct KeyFile {
    pub(super) key: Key,
    pub(super) path: PathBuf,
}

/// Read every `*.json` that is not hidden. An absent directory is an empty one.
pub(super) fn read(directory: &Path) -> Result<Vec<KeyFile>, KeyError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.map_err(refused("read", directory))?,
    };
    let mut files: Vec<KeyFile> = Vec::new();
    for entry in entries {
        let path = entry.map_err(refused("read", directory))?.path();
        if !is_key_file(&path) {
            continue;
        }
        if files.len() == MAX_FILES {
            let reason = format!("is one of more than {MAX_FILES} in its directory");
            return Err(KeyError::Unusable { path, reason });
        }
        let key = read_key(&path)?;
        if let Some(other) = files.iter().find(|file| file.key.kid() == key.kid()) {
            let reason = format!("has the same `kid` as `{}`", other.path.display());
            return Err(KeyError::Unusable { path, reason });
        }
        files.push(KeyFile { key, path });
    }
    Ok(files)
}

/// Store a key as `<kid>.json`, readable by this user only. It appears complete or not at all.
/// The caller holds the [`Lock`], which also made the directory.
pub(super) fn write(directory: &Path, key: &Key) -> Result<(), KeyError> {
    let path = directory.join(format!("{}.json", key.kid()));
    let unfinished = directory.join(format!(".{}.unfinished", key.kid()));
    let written = private_file(OpenOptions::new().write(true).create_new(true))
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(&key.to_json())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, &path))
        // Without this the name could be lost in a power cut after the key was used.
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.map_err(refused("write", &path))
}

/// The right to make keys in a directory, across processes, until dropped.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Make the directory if need be (mode 700) and wait for the right.
    pub(super) fn take(directory: &Path) -> Result<Self, KeyError> {
        create(directory)?;
        let path = directory.join(".lock");
        let file = private_file(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .map_err(refused("open", &path))?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(refused("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(LOCK_PAUSE)
                }
                Err(TryLockError::WouldBlock) => return Err(KeyError::Locked { path }),
            }
        }
    }
}

/// Only the last part is private: what lies beside it belongs to other users too, such as the
/// private PostgreSQL's data.
fn create(directory: &Path) -> Result<(), KeyError> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(refused("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(refused("create", directory)(error))
        }
        _ => Ok(()),
    }
}

fn is_key_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden
        && path
            .extension()
            .is_some_and(|extension| extension == "json")
}

fn read_key(path: &Path) -> Result<Key, KeyError> {
    let unusable = |reason: String| KeyError::Unusable {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(refused("read", path))?;
    let metadata = file.metadata().map_err(refused("read", path))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(unusable(format!(
            "is not a file of at most {MAX_FILE_BYTES} bytes"
        )));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::ReadableByOthers {
            path: path.to_owned(),
            mode,
        });
    }
    let mut json = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut json)
        .map_err(refused("read", path))?;
    Key::from_json(&json).map_err(|refusal| match refusal {
        Refusal::Unusable(reason) => unusable(reason),
        Refusal::Weak { owner, reason } => KeyError::Weak {
            owner,
            path: path.to_owned(),
            reason,
        },
    })
}

fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

fn refused<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> KeyError + use<'a> {
    move |source| KeyError::Files {
        action,
        path: path.to_owned(),
        source,
    }
}
