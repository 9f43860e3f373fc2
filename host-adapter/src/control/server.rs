//! The side of the running program.

use std::{
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};

use super::{Handler, Reply, Request};

/// The longest request, in bytes. A component's id is much shorter.
const MAX_REQUEST: u64 = 4 << 10;

/// Time to send a request, and to take its reply.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections at the same time. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 8;

/// Pause after a failed `accept`, which fails when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket. Its file is removed when this is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Tells this file from one that another process has put in its place.
    inode: u64,
}

/// Another process answers at the socket.
#[derive(Debug, thiserror::Error)]
#[error("another program of this project answers at `{}`", .0.display())]
pub struct Taken(PathBuf);

impl Socket {
    /// Binds `path` for the user of this process only. The socket of a process that was killed is replaced.
    ///
    /// # Errors
    ///
    /// [`Taken`] if another process answers there. Or the path is not a socket, is too long, or cannot be
    /// written.
    pub async fn bind(path: &Path) -> anyhow::Result<Self> {
        let directory = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)
            .with_context(|| format!("creating `{}`", directory.display()))?;
        if is_alive(path).await? {
            return Err(Taken(path.to_owned()).into());
        }
        // Renamed when its permissions are set, so that no one else can connect before.
        let temporary = directory.join(format!(".{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&temporary);
        let bind = || -> io::Result<(UnixListener, u64)> {
            let listener = UnixListener::bind(&temporary)?;
            std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600))?;
            let inode = std::fs::metadata(&temporary)?.ino();
            std::fs::rename(&temporary, path)?;
            Ok((listener, inode))
        };
        let (listener, inode) = bind().with_context(|| {
            format!(
                "binding `{}` (a socket's path has at most 107 bytes)",
                path.display()
            )
        })?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode,
        })
    }

    /// Answers requests until the future is dropped.
    pub async fn serve(self, handler: Handler) {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Ok(permit) = permits.clone().acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let handler = handler.clone();
                    tokio::spawn(async move {
                        answer(stream, handler).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!("accepting a connection of the control socket failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let inode = std::fs::metadata(&self.path).map(|file| file.ino());
        if inode.is_ok_and(|inode| inode == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether a process accepts connections at `path`.
async fn is_alive(path: &Path) -> anyhow::Result<bool> {
    let Ok(file) = std::fs::symlink_metadata(path) else {
        return Ok(false);
    };
    anyhow::ensure!(
        file.file_type().is_socket(),
        "`{}` is not a socket: remove it, or set `control.socket`",
        path.display()
    );
    match UnixStream::connect(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("connecting to `{}`", path.display())),
    }
}

async fn answer(stream: UnixStream, handler: Handler) {
    let (reader, mut writer) = stream.into_split();
    let reply = match timeout(TRANSFER_TIMEOUT, read(reader)).await {
        Ok(Ok(request)) => handler(request).await,
        Ok(Err(reason)) => Reply::Failed(reason),
        Err(_) => return,
    };
    let Ok(mut line) = serde_json::to_vec(&reply) else {
        return;
    };
    line.push(b'\n');
    // The other process may have been stopped meanwhile.
    let _ = timeout(TRANSFER_TIMEOUT, writer.write_all(&line)).await;
}

async fn read(reader: impl tokio::io::AsyncRead + Unpin) -> Result<Request, String> {
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST + 1));
    let read = reader.read_line(&mut line).await;
    read.map_err(|error| format!("the request cannot be read: {error}"))?;
    if u64::try_from(line.len()).unwrap_or(u64::MAX) > MAX_REQUEST {
        return Err(format!("the request is longer than {MAX_REQUEST} bytes"));
    }
    serde_json::from_str(&line).map_err(|error| format!("the request is not valid: {error}"))
}
