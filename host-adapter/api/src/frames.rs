//! Reads and writes the frames of a connection.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

use adapter_wire::HEAD;

/// What is read at once, in bytes: more than most calls have.
const READ: usize = 8 << 10;

/// A stream of frames.
pub(super) struct Frames<S> {
    stream: S,
    /// What is read and not used yet.
    input: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
        }
    }

    /// Returns when something is there to be read. `Ok(false)` if the client has closed the connection.
    pub(super) async fn wait(&mut self) -> io::Result<bool> {
        Ok(!self.input.is_empty() || self.fill().await? > 0)
    }

    /// Reads exactly these bytes, which precede the frames.
    pub(super) async fn expect(&mut self, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.take(bytes.len()).await? == bytes)
    }

    /// The length of the next frame.
    pub(super) async fn length(&mut self) -> io::Result<usize> {
        let head = self.take(HEAD).await?;
        let head = head.first_chunk::<HEAD>().copied().unwrap_or_default();
        Ok(u32::from_le_bytes(head) as usize)
    }

    /// The next bytes.
    pub(super) async fn take(&mut self, length: usize) -> io::Result<Bytes> {
        while self.input.len() < length {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.input.split_to(length).freeze())
    }

    /// Reads and drops the next bytes.
    pub(super) async fn skip(&mut self, mut length: usize) -> io::Result<()> {
        loop {
            let here = length.min(self.input.len());
            let _ = self.input.split_to(here);
            length -= here;
            if length == 0 {
                return Ok(());
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Writes a whole frame. A client that takes it too slowly is given up.
    pub(super) async fn write(&mut self, frame: &[u8], limit: Duration) -> io::Result<()> {
        timeout(limit, self.stream.write_all(frame))
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the connection after the last answer. A client that is still sending would see a broken connection
    /// instead of the answer, so what it sends is read, up to `limit` bytes and until `deadline`.
    pub(super) async fn close(&mut self, limit: usize, deadline: Instant) {
        let _ = self.stream.shutdown().await;
        let mut bytes = 0;
        while bytes <= limit {
            self.input.clear();
            match timeout_at(deadline, self.fill()).await {
                Ok(Ok(read)) if read > 0 => bytes += read,
                _ => return,
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.input.reserve(READ);
        self.stream.read_buf(&mut self.input).await
    }
}
