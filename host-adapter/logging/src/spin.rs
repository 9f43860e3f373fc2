//! Collects what components on Spin log.
//!
//! Spin writes it to `COMPONENT_stderr.txt` and `COMPONENT_stdout.txt` in one directory, and rotates
//! nothing. The lines become events of the target [`GUEST`], so that they reach the same outputs as on
//! the embedded host.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::JoinHandle,
    time::Duration,
};

use crate::GUEST;

/// How often the files are looked at. A line appears this much later.
const INTERVAL: Duration = Duration::from_millis(250);
/// Bytes that are read at once.
const CHUNK: u64 = 64 << 10;
/// Bytes of one line. A longer one is split.
const MAX_LINE: usize = 16 << 10;

/// Collects until it is dropped, and then once more.
pub(crate) struct Collector {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Follows the files of `components` in `directory`, from their ends: earlier lines belong to an
    /// earlier run.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn start(directory: &Path, components: &BTreeSet<String>) -> io::Result<Self> {
        let streams = components.iter().flat_map(|component| {
            ["stdout", "stderr"].map(|stream| Followed::new(directory, component, stream))
        });
        let mut files: Vec<Followed> = streams.collect();
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            loop {
                let is_last = stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout);
                for file in &mut files {
                    file.follow(is_last);
                }
                if is_last {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("log-spin".to_owned());
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread.spawn(run)?),
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the hook.
            let _ = thread.join();
        }
    }
}

/// A file of Spin's.
struct Followed {
    path: PathBuf,
    component: String,
    stream: &'static str,
    position: u64,
    /// A line whose end is not there yet.
    begun: Vec<u8>,
}

impl Followed {
    fn new(directory: &Path, component: &str, stream: &'static str) -> Self {
        let path = directory.join(format!("{component}_{stream}.txt"));
        let position = path.metadata().map_or(0, |metadata| metadata.len());
        Self {
            path,
            component: component.to_owned(),
            stream,
            position,
            begun: Vec::new(),
        }
    }

    /// Emits the lines that are new; at the end also one that has none yet.
    fn follow(&mut self, is_last: bool) {
        // The file does not exist until the component logs. Other errors are retried at the next call.
        let _ = self.read();
        if is_last && !self.begun.is_empty() {
            self.emit();
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        if file.metadata()?.len() < self.position {
            // It was truncated, as by `spin up --truncate-logs`.
            self.position = 0;
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut chunk = Vec::new();
        while file.by_ref().take(CHUNK).read_to_end(&mut chunk)? > 0 {
            self.position += chunk.len() as u64;
            for byte in chunk.drain(..) {
                if byte == b'\n' || self.begun.len() == MAX_LINE {
                    self.emit();
                }
                if byte != b'\n' {
                    self.begun.push(byte);
                }
            }
        }
        Ok(())
    }

    fn emit(&mut self) {
        let line = String::from_utf8_lossy(&self.begun);
        if !line.trim().is_empty() {
            tracing::info!(
                target: GUEST,
                parent: None,
                component = &*self.component,
                stream = self.stream,
                line = &*line
            );
        }
        self.begun.clear();
    }
}
