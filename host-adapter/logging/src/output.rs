//! A thread that writes what waits in a queue.

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    Counters, LogLevel,
    line::Line,
    queue::{Batch, Queue},
};

/// What an output writes to.
pub(crate) trait Sink: Send {
    /// Writes lines, and returns how many of them are lost.
    fn write(&mut self, lines: &[Arc<Line>]) -> u64;
}

/// A queue and the thread that writes it.
pub(crate) struct Output {
    pub(crate) name: &'static str,
    pub(crate) queue: Arc<Queue>,
    pub(crate) counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Output {
    /// Starts the thread `log-NAME`, which goes on with `counters`. It writes nothing before the other side of
    /// `previous` is dropped, because two outputs must not write the same file.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn start(
        previous: Option<Receiver<()>>,
        name: &'static str,
        queue: Arc<Queue>,
        counters: Arc<Counters>,
        sink: impl Sink + 'static,
    ) -> io::Result<Self> {
        let run = {
            let (queue, counters) = (queue.clone(), counters.clone());
            move || {
                // Nothing is sent, so this returns when the other side is dropped.
                let _ = previous.map(|previous| previous.recv());
                run(&queue, &counters, sink);
            }
        };
        let thread = std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(run)?;
        Ok(Self {
            name,
            queue,
            counters,
            thread: Some(thread),
        })
    }

    /// Writes what waits, and ends the thread. If it writes nothing for `limit`, because its disk takes
    /// nothing, it is left behind. Returns how many lines it has not written.
    pub(crate) fn finish(&mut self, limit: Duration) -> usize {
        self.queue.close();
        let mut unwritten = self.queue.unwritten();
        while !self.queue.flush(limit) {
            let before = std::mem::replace(&mut unwritten, self.queue.unwritten());
            if unwritten == before {
                return unwritten;
            }
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the hook.
            let _ = thread.join();
        }
        0
    }
}

fn run(queue: &Queue, counters: &Counters, mut sink: impl Sink) {
    let mut batch = Batch::default();
    while let Some(mut next) = queue.take(&batch) {
        let lost: u64 = next.lost.values().sum();
        let reports: Vec<_> = next.lost.iter().map(report).collect();
        // They were not held by the queue, so they are not among what it releases.
        let lines: Vec<_> = next.lines.iter().cloned().chain(reports).collect();
        let failed = sink.write(&lines);
        counters.add_lost(lost + failed);
        counters.add_written((lines.len() as u64).saturating_sub(failed));
        next.lost.clear();
        batch = next;
    }
}

/// Says in the component's own log what is missing in it.
fn report((component, count): (&String, &u64)) -> Arc<Line> {
    let message = format!(
        "{count} lines of `{component}` were lost: they came faster than they could be written"
    );
    Arc::new(Line::new(LogLevel::Warning, component, message))
}
