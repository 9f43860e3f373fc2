//! The output to stderr.

use std::{
    io::{self, ErrorKind, Write},
    sync::Arc,
    time::Duration,
};

use crate::{format::Format, line::Line, output::Sink};

/// Pause before a write to a terminal or pipe that takes nothing at the moment is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes lines to stderr, a batch at once.
pub(crate) struct Stream<W> {
    writer: W,
    format: Format,
    text: String,
}

impl<W: Write + Send> Stream<W> {
    pub(crate) fn new(writer: W, format: Format) -> Self {
        Self {
            writer,
            format,
            text: String::new(),
        }
    }
}

impl<W: Write + Send> Sink for Stream<W> {
    fn write(&mut self, lines: &[Arc<Line>]) -> u64 {
        self.text.clear();
        for line in lines {
            self.format.push(&mut self.text, line);
        }
        match write_all(&mut self.writer, self.text.as_bytes()) {
            Ok(()) => 0,
            Err(_) => lines.len() as u64,
        }
    }
}

/// Like [`Write::write_all`], also for a stream that another program made non-blocking.
fn write_all(writer: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    writer.flush()
}
