//! What an instance writes to stdout and stderr, as lines of its component.
//!
//! Each line is an event of the target `guest`, whose fields are `component`, which is the id in the
//! manifest, `stream`, `line`, and `given_up` if the line is about a request that nobody waits for. What the
//! line says is left to who takes the events.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tracing::Span;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::request::Requests;

/// Bytes of one line. The rest of a longer one is dropped, because it would have to be held until its
/// end comes. Lines of service-kit are at most some kibibytes.
const MAX_LINE: usize = 16 << 10;

/// What is accepted of one write, in bytes; as much as of stderr of this process.
const MAX_WRITE: usize = 64 << 10;

/// stdout or stderr of an instance. Its clones put together the same lines.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Lines>>);

/// A stream that an instance has.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Puts lines together, and emits each when it ends.
struct Lines {
    component: Box<str>,
    requests: Requests,
    stream: &'static str,
    line: Vec<u8>,
    /// Bytes of the current line that were dropped.
    dropped: usize,
}

impl Output {
    pub(super) fn new(component: &str, stream: Stream, requests: Requests) -> Self {
        let stream = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        Self(Arc::new(Mutex::new(Lines {
            component: component.into(),
            requests,
            stream,
            line: Vec::new(),
            dropped: 0,
        })))
    }

    fn push(&self, bytes: &[u8]) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(bytes);
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = MAX_LINE.saturating_sub(self.line.len()).min(text.len());
            self.line
                .extend_from_slice(text.get(..room).unwrap_or_default());
            self.dropped += text.len() - room;
            if is_whole {
                self.emit();
            }
        }
    }

    /// Emits the current line, unless it is empty.
    fn emit(&mut self) {
        let mut line = String::from_utf8_lossy(&self.line).into_owned();
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            line.push_str(&format!("… ({dropped} more bytes)"));
        }
        self.line.clear();
        if !line.trim().is_empty() {
            // An instance works on several requests, so the line itself says to which it belongs.
            let request = self.requests.named_in(&line);
            let given_up = request.as_ref().is_some_and(|it| it.work.is_given_up());
            let span = request.map_or_else(Span::none, |it| it.scope.span());
            span.in_scope(|| {
                tracing::info!(
                    target: "guest",
                    component = &*self.component,
                    stream = self.stream,
                    given_up,
                    line
                );
            });
        }
    }
}

/// An instance that ends may have begun a line.
impl Drop for Lines {
    fn drop(&mut self) {
        self.emit();
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// Taking a line never blocks, so the stream is always ready.
#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;
    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
    };

    /// Collects the lines of guests.
    #[derive(Clone, Default)]
    struct Collected(Arc<Mutex<Vec<String>>>);

    impl Visit for Collected {
        fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

        fn record_str(&mut self, field: &Field, value: &str) {
            if field.name() == "line" {
                self.0.lock().unwrap().push(value.to_owned());
            }
        }
    }

    impl Subscriber for Collected {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "guest"
        }
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn lines(writes: &[&[u8]]) -> Vec<String> {
        let collected = Collected::default();
        tracing::subscriber::with_default(collected.clone(), || {
            let output = Output::new("a", Stream::Stderr, Requests::default());
            // Both kinds of streams write the same lines.
            for (number, bytes) in writes.iter().enumerate() {
                let mut stream = output.clone();
                if number % 2 == 0 {
                    OutputStream::write(&mut stream, Bytes::copy_from_slice(bytes)).unwrap();
                } else {
                    stream.push(bytes);
                }
            }
        });
        let lines = collected.0.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn lines_torn_over_writes_are_put_together() {
        let found = lines(&[b"one\ntw", b"o\n\n \nthr", b"ee"]);
        assert_eq!(found, ["one", "two", "three"]);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = vec![b'x'; MAX_LINE + 10];
        let found = lines(&[&long, b"yy\nnext\n"]);
        let start = "x".repeat(MAX_LINE);
        assert_eq!(
            found,
            [format!("{start}… (12 more bytes)"), "next".to_owned()]
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(lines(&[b"a\xffb\n"]), ["a\u{fffd}b"]);
    }
}
