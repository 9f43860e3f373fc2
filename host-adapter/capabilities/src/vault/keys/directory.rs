//! The directory of key files: files are checked before they are used, and are written atomically.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::super::errors::KeyError;
use super::jwk::{Key, KeyRejection};

/// The largest key file. A key file has about 300 bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// The most key files in the directory. Rotating the keys of ten owners every day reaches this after
/// months, so more files are probably not keys.
const MAX_FILES: usize = 1_000;

/// How long to wait for the lock. Generating keys takes milliseconds, so a longer wait is an error.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// A key and the path of its file.
pub(super) struct KeyFile {
    pub(super) key: Key,
    pub(super) path: PathBuf,
}

/// Reads every `*.json` file that is not hidden. A missing directory counts as empty.
pub(super) fn read_keys(directory: &Path) -> Result<Vec<KeyFile>, KeyError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.map_err(io_error("read", directory))?,
    };
    let mut files: Vec<KeyFile> = Vec::new();
    for entry in entries {
        let path = entry.map_err(io_error("read", directory))?.path();
        if !is_key_file(&path) {
            continue;
        }
        if files.len() == MAX_FILES {
            let reason = format!(
                "is one of more than {MAX_FILES} key files in its directory; delete expired keys"
            );
            return Err(KeyError::Invalid { path, reason });
        }
        let key = read_key(&path)?;
        if let Some(other) = files.iter().find(|file| file.key.kid() == key.kid()) {
            let reason = format!("has the same `kid` as `{}`", other.path.display());
            return Err(KeyError::Invalid { path, reason });
        }
        files.push(KeyFile { key, path });
    }
    Ok(files)
}

/// Stores a key as `<kid>.json`, readable by this user only. The file is written completely or not at
/// all. The caller must hold the [`Lock`], which also creates the directory.
pub(super) fn write_key(directory: &Path, key: &Key) -> Result<(), KeyError> {
    let path = directory.join(format!("{}.json", key.kid()));
    let unfinished = directory.join(format!(".{}.unfinished", key.kid()));
    let written = private_file(OpenOptions::new().write(true).create_new(true))
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(&key.to_json())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, &path))
        // Otherwise a power failure could remove the file after the key has been used.
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.map_err(io_error("write", &path))
}

/// A lock across processes, which is required to generate keys in a directory. Released on drop.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Creates the directory (mode 700) if it is missing, and waits for the lock.
    pub(super) fn acquire(directory: &Path) -> Result<Self, KeyError> {
        create_directory(directory)?;
        let path = directory.join(".lock");
        let file = private_file(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .map_err(io_error("open", &path))?;
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(LOCK_RETRY_INTERVAL)
                }
                Err(TryLockError::WouldBlock) => return Err(KeyError::Locked { path }),
            }
        }
    }
}

/// Creates the directory for this user only. Its parents get the default mode, because other users need
/// access to other directories in them, such as the data directory of the private PostgreSQL.
fn create_directory(directory: &Path) -> Result<(), KeyError> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(io_error("create", directory)(error))
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
    let invalid = |reason: String| KeyError::Invalid {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(io_error("read", path))?;
    let metadata = file.metadata().map_err(io_error("read", path))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(invalid(format!(
            "is not a file of at most {MAX_FILE_BYTES} bytes"
        )));
    }
    if !is_private(&metadata) {
        return Err(KeyError::ReadableByOthers {
            path: path.to_owned(),
            mode: metadata.mode() & 0o777,
        });
    }
    let mut json = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut json)
        .map_err(io_error("read", path))?;
    Key::from_json(&json).map_err(|rejection| match rejection {
        KeyRejection::Invalid(reason) => invalid(reason),
        KeyRejection::Weak { owner, reason } => KeyError::Weak {
            owner,
            path: path.to_owned(),
            reason,
        },
    })
}

/// Whether only this user can read a key file, or the directory of the keys.
///
/// If this process is not root, what root gives it counts as well: files that its group may read, and the directory
/// around them. That is how Kubernetes mounts a secret (`fsGroup`, mode 0440).
#[must_use]
pub fn is_private(metadata: &Metadata) -> bool {
    // It belongs to the effective user. A system without it has no such files either.
    let user = fs::metadata("/proc/self").map_or(metadata.uid(), |process| process.uid());
    let given = metadata.uid() == 0 && user != 0;
    (given && metadata.is_dir()) || is_private_mode(metadata.mode() & 0o777, metadata.uid(), user)
}

fn is_private_mode(mode: u32, owner: u32, user: u32) -> bool {
    let allowed = if owner == 0 && user != 0 {
        0o740
    } else {
        0o700
    };
    mode & !allowed == 0
}

fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

pub(super) fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> KeyError + use<'a> {
    move |source| KeyError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::is_private_mode;

    #[test]
    fn a_group_may_read_what_root_gives_to_another_user() {
        assert!(is_private_mode(0o440, 0, 65_532) && is_private_mode(0o640, 0, 65_532));
        assert!(is_private_mode(0o600, 65_532, 65_532) && is_private_mode(0o600, 0, 0));
        for (mode, owner, user) in [
            (0o640, 0, 0),
            (0o640, 65_532, 65_532),
            (0o444, 0, 65_532),
            (0o660, 0, 65_532),
        ] {
            assert!(
                !is_private_mode(mode, owner, user),
                "{mode:o} {owner} {user}"
            );
        }
    }
}
