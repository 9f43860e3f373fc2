//! The side of `reload` and `components`.

use std::{io, path::Path};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::{Reply, Request};

/// The largest reply, in bytes. A component takes some 300.
const MAX_REPLY: u64 = 4 << 20;

/// Sends a request to the program that runs in this project, and waits for the reply. A reload takes as
/// long as compiling does.
///
/// # Errors
///
/// No program answers at `socket`, or it answers that it cannot.
pub async fn ask(socket: &Path, request: &Request) -> anyhow::Result<Reply> {
    let mut stream = connect(socket).await?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut reply = String::new();
    let read = stream.take(MAX_REPLY).read_to_string(&mut reply).await;
    read.context("reading the reply")?;
    anyhow::ensure!(
        reply.ends_with('\n'),
        "the program stopped before it had answered"
    );
    match serde_json::from_str(&reply).context("the reply is not valid")? {
        Reply::Failed(reason) => Err(anyhow::anyhow!(reason)),
        reply => Ok(reply),
    }
}

async fn connect(socket: &Path) -> anyhow::Result<UnixStream> {
    UnixStream::connect(socket).await.map_err(|error| {
        let path = socket.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow::anyhow!(
                "`host-adapter up` does not run in this project: nothing answers at `{path}` (`control.socket`)"
            ),
            io::ErrorKind::PermissionDenied => anyhow::anyhow!(
                "only the user who started `host-adapter up` may use `{path}`"
            ),
            _ => anyhow::Error::from(error).context(format!("connecting to `{path}`")),
        }
    })
}
