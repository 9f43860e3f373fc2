//! Starts the outputs, and writes what waits at the end.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

use crate::{
    Counts, LogSettings,
    files::Files,
    filter::{Levels, LevelsFilter},
    format::Format,
    layer::LogLayer,
    line::{HOST, Line},
    output::Output,
    panics,
    queue::Queue,
    spin::Collector,
    stream::Stream,
};

/// How long the end of the process waits for an output that writes nothing. Container platforms wait
/// longer than that before they kill.
const FINISH: Duration = Duration::from_secs(3);

/// What the environment says about stderr.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether colours are welcome on a terminal: `NO_COLOR` is not set, and `TERM` is not `dumb`.
    pub colour: bool,
}

/// The running log. Dropping it writes what waits, and gives up an output that writes nothing for three
/// seconds.
pub struct Log {
    outputs: Arc<Outputs>,
    levels: Arc<Levels>,
    owned: Vec<Output>,
    collector: Option<Collector>,
}

/// Tells what the running code works for: it calls its argument with `component`, `request_id` and `trace_id`,
/// and the value of each that is known.
pub type Ambient = fn(&mut dyn FnMut(&'static str, &str));

/// The queues that lines go to.
pub(crate) struct Outputs {
    queues: Vec<Arc<Queue>>,
}

impl Log {
    /// Starts writing to stderr, and to files if the settings have a directory. `components` have files
    /// of their own.
    ///
    /// # Errors
    ///
    /// The directory cannot be created, or a thread cannot be started.
    pub fn start(
        settings: &LogSettings,
        components: BTreeSet<String>,
        terminal: Terminal,
    ) -> io::Result<Self> {
        let width = components.iter().map(String::len).max().unwrap_or(0);
        let width = width.max(HOST.len());
        let format = |terminal, colour| Format::choose(settings.format, terminal, colour, width);
        let is_terminal = io::stderr().is_terminal();
        let stderr = Arc::new(Queue::new(settings.queue));
        let stream = Stream::new(io::stderr(), format(is_terminal, terminal.colour));
        let mut owned = vec![Output::start("stderr", stderr.clone(), stream)?];
        if let Some(directory) = &settings.directory {
            std::fs::create_dir_all(directory)?;
            let format = format(false, false);
            let files = Files::new(directory.clone(), settings, format, components, stderr);
            let queue = Arc::new(Queue::new(settings.queue));
            owned.push(Output::start("files", queue, files)?);
        }
        Ok(Self::with_outputs(settings, owned))
    }

    pub(crate) fn with_outputs(settings: &LogSettings, owned: Vec<Output>) -> Self {
        let queues = owned.iter().map(|output| output.queue.clone()).collect();
        Self {
            outputs: Arc::new(Outputs { queues }),
            levels: Arc::new(Levels::new(settings)),
            owned,
            collector: None,
        }
    }

    /// Adds what `components` log on Spin, which keeps it in `directory`. The layer must be in use.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn collect(&mut self, directory: &Path, components: &BTreeSet<String>) -> io::Result<()> {
        self.collector = Some(Collector::start(directory, components)?);
        Ok(())
    }

    /// The layer that makes lines of events. It has a filter of its own, which leaves other layers
    /// alone. A line belongs to what the spans around it say, and otherwise to what `ambient` says. Spans
    /// with a field `request_id` or `trace_id` must be at INFO or above to be seen.
    pub fn layer<S>(&self, ambient: Ambient) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let layer = LogLayer {
            outputs: self.outputs.clone(),
            levels: self.levels.clone(),
            ambient,
        };
        layer.with_filter(LevelsFilter(self.levels.clone()))
    }

    /// Logs panics from now on, and writes what waits before the process may end by one.
    pub fn log_panics(&self) {
        panics::install(self.outputs.clone());
    }

    /// How many lines each output has written and lost.
    pub fn counts(&self) -> impl Fn() -> Vec<Counts> + Send + Sync + use<> {
        let outputs = self.owned.iter();
        let counters: Vec<_> = outputs
            .map(|output| (output.name, output.counters.clone()))
            .collect();
        move || {
            let counters = counters.iter();
            let counts = counters.map(|(output, counters)| Counts {
                output,
                written: counters.written(),
                lost: counters.lost(),
            });
            counts.collect()
        }
    }

    /// Waits until every line up to now is written, at most for `limit`. Returns whether it is.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        self.outputs.flush(limit)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // It has more lines to add.
        self.collector = None;
        // Files first, because stderr says what they lost.
        for output in self.owned.iter_mut().rev() {
            let lost = output.finish(FINISH);
            if lost > 0 && output.name != "stderr" {
                let text = format!(
                    "{lost} lines were lost at the end: the files took none for {FINISH:?}"
                );
                let line = Line::new(crate::LogLevel::Error, HOST, text);
                self.outputs.write(line);
            }
        }
    }
}

impl Outputs {
    pub(crate) fn write(&self, line: Line) {
        let line = Arc::new(line);
        for queue in &self.queues {
            queue.push(&line);
        }
    }

    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        let unwritten = self.queues.iter().filter(|queue| !queue.flush(left()));
        unwritten.count() == 0
    }
}
