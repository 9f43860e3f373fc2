//! How slowly a client may send and take.

use std::{
    future::Future as _,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// The time for which a client may keep this side waiting. Waiting uses it up, and each byte that moves adds
/// to it, up to where it began. A client at the minimum rate or above is never cut off, however large what
/// it sends is, and one that trickles bytes is.
pub struct Pace {
    /// Bytes a second.
    rate: u64,
    patience: Duration,
    left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pace {
    /// `rate` is in bytes a second, and `patience` the time at the beginning.
    #[must_use]
    pub fn new(rate: usize, patience: Duration) -> Self {
        Self {
            rate: u64::try_from(rate).unwrap_or(u64::MAX).max(1),
            patience,
            left: patience,
            waiting: None,
        }
    }

    /// Notes that this many bytes have moved.
    pub fn moved(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_millis(bytes.saturating_mul(1_000) / self.rate);
        self.left = self.left.saturating_add(earned).min(self.patience);
    }

    /// Waits on, and is ready when the client has used up its time. Call it when nothing can move.
    pub fn poll_used_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let (_, timer) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        timer.as_mut().poll(context)
    }
}

/// A stream whose other side must take what is written at the pace.
pub struct PacedStream<S> {
    stream: S,
    pace: Pace,
}

impl<S> PacedStream<S> {
    /// Writing fails with [`io::ErrorKind::TimedOut`] when the time of `pace` is used up.
    pub fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace }
    }

    fn paced(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.pace.moved(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.pace.poll_used_up(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.paced(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.paced(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt as _, duplex};

    #[test]
    fn bytes_earn_time_up_to_that_at_the_beginning() {
        let mut pace = Pace::new(1_000, Duration::from_secs(1));
        pace.left = Duration::ZERO;
        pace.moved(500);
        assert_eq!(pace.left, Duration::from_millis(500));
        pace.moved(10_000);
        assert_eq!(pace.left, Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off() {
        let (near, _far) = duplex(1);
        let pace = Pace::new(1_000, Duration::from_millis(1));
        let error = PacedStream::new(near, pace).write_all(&[0; 100]).await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
