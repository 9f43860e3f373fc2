//! Starts the outputs, and writes what waits at the end.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

use crate::{
    Counters, Counts, LogSettings,
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
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Whether colours are welcome on a terminal: `NO_COLOR` is not set, and `TERM` is not `dumb`.
    pub colour: bool,
}

/// The running log. Dropping it writes what waits, and gives up an output that writes nothing for three
/// seconds.
pub struct Log {
    handle: LogHandle,
    collector: Option<Collector>,
}

/// Changes the running log. Clones change the same.
#[derive(Clone)]
pub struct LogHandle {
    outputs: Arc<Outputs>,
    levels: Arc<Levels>,
    owned: Arc<Mutex<Vec<Output>>>,
    terminal: Terminal,
}

impl std::fmt::Debug for LogHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LogHandle")
    }
}

/// Tells what the running code works for: it calls its argument with `component`, `request_id` and `trace_id`,
/// and the value of each that is known.
pub type Ambient = fn(&mut dyn FnMut(&'static str, &str));

/// The queues that lines go to.
pub(crate) struct Outputs {
    /// A line is added to all of them under the lock, so that it is either before a change or after it.
    queues: RwLock<Vec<Arc<Queue>>>,
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
        let opening = Opening {
            settings,
            components,
            terminal,
        };
        let owned = opening.open(|_| (None, Arc::default()))?;
        let mut log = Self::with_outputs(settings, owned);
        log.handle.terminal = terminal;
        Ok(log)
    }

    pub(crate) fn with_outputs(settings: &LogSettings, owned: Vec<Output>) -> Self {
        let handle = LogHandle {
            outputs: Arc::new(Outputs {
                queues: RwLock::new(queues(&owned)),
            }),
            levels: Arc::new(Levels::new(settings)),
            owned: Arc::new(Mutex::new(owned)),
            terminal: Terminal::default(),
        };
        Self {
            handle,
            collector: None,
        }
    }

    /// What changes the log while it is written.
    #[must_use]
    pub fn handle(&self) -> LogHandle {
        self.handle.clone()
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
            outputs: self.handle.outputs.clone(),
            levels: self.handle.levels.clone(),
            ambient,
        };
        layer.with_filter(LevelsFilter(self.handle.levels.clone()))
    }

    /// Logs panics from now on, and writes what waits before the process may end by one.
    pub fn log_panics(&self) {
        panics::install(self.handle.outputs.clone());
    }

    /// How many lines each output has written and lost.
    pub fn counts(&self) -> impl Fn() -> Vec<Counts> + Send + Sync + use<> {
        let handle = self.handle.clone();
        move || {
            let owned = handle.owned();
            let counts = owned.iter().map(|output| Counts {
                output: output.name,
                written: output.counters.written(),
                lost: output.counters.lost(),
            });
            counts.collect()
        }
    }

    /// Waits until every line up to now is written, at most for `limit`. Returns whether it is.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        self.handle.outputs.flush(limit)
    }
}

impl LogHandle {
    /// Goes on with other settings. Nothing is lost: what waits is written as before. It blocks until then, and
    /// leaves an output that writes nothing for three seconds behind.
    ///
    /// # Errors
    ///
    /// The directory cannot be created, or a thread cannot be started. The log goes on as before.
    pub fn change(&self, settings: &LogSettings, components: BTreeSet<String>) -> io::Result<()> {
        let mut owned = self.owned();
        let gates = (0..2).map(|_| channel());
        let (done, mut waiting): (Vec<Sender<()>>, Vec<_>) = gates.unzip();
        let opening = Opening {
            settings,
            components,
            terminal: self.terminal,
        };
        let next = opening.open(|name| {
            let mut known = owned.iter();
            let known = known.find(|output| output.name == name);
            let counters = known.map(|output| output.counters.clone());
            (waiting.pop(), counters.unwrap_or_default())
        })?;
        self.levels.change(settings);
        self.outputs.replace(queues(&next));
        let mut previous = std::mem::replace(&mut *owned, next);
        // The counts are read meanwhile.
        drop(owned);
        self.finish(&mut previous);
        drop(done);
        Ok(())
    }

    /// Writes what waits for these outputs.
    fn finish(&self, outputs: &mut [Output]) {
        // Files first, because stderr says what they lost.
        for output in outputs.iter_mut().rev() {
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

    fn owned(&self) -> MutexGuard<'_, Vec<Output>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn queues(outputs: &[Output]) -> Vec<Arc<Queue>> {
    outputs.iter().map(|output| output.queue.clone()).collect()
}

/// What outputs are started from.
struct Opening<'a> {
    settings: &'a LogSettings,
    components: BTreeSet<String>,
    terminal: Terminal,
}

impl Opening<'_> {
    /// Starts the outputs. `previous` says what each of them waits for, and its counters.
    fn open(
        self,
        mut previous: impl FnMut(&str) -> (Option<Receiver<()>>, Arc<Counters>),
    ) -> io::Result<Vec<Output>> {
        let Self {
            settings,
            components,
            terminal,
        } = self;
        let width = components.iter().map(String::len).max().unwrap_or(0);
        let width = width.max(HOST.len());
        let format = |terminal, colour| Format::choose(settings.format, terminal, colour, width);
        let is_terminal = io::stderr().is_terminal();
        if let Some(directory) = &settings.directory {
            std::fs::create_dir_all(directory)?;
        }
        let stderr = Arc::new(Queue::new(settings.queue));
        let stream = Stream::new(io::stderr(), format(is_terminal, terminal.colour));
        let (after, counters) = previous("stderr");
        let mut outputs = vec![Output::start(
            after,
            "stderr",
            stderr.clone(),
            counters,
            stream,
        )?];
        if let Some(directory) = &settings.directory {
            let format = format(false, false);
            let files = Files::new(directory.clone(), settings, format, components, stderr);
            let queue = Arc::new(Queue::new(settings.queue));
            let (after, counters) = previous("files");
            outputs.push(Output::start(after, "files", queue, counters, files)?);
        }
        Ok(outputs)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // It has more lines to add.
        self.collector = None;
        // The counts can be read afterwards.
        self.handle.finish(&mut self.handle.owned());
    }
}

impl Outputs {
    pub(crate) fn write(&self, line: Line) {
        let line = Arc::new(line);
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        for queue in queues.iter() {
            queue.push(&line);
        }
    }

    fn replace(&self, queues: Vec<Arc<Queue>>) {
        *self.queues.write().unwrap_or_else(PoisonError::into_inner) = queues;
    }

    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.clone();
        let unwritten = queues.iter().filter(|queue| !queue.flush(left()));
        unwritten.count() == 0
    }
}
