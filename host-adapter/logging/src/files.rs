//! The output to files: two for each component, and two for the lines of none.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use crate::{
    LogLevel, LogSettings,
    format::Format,
    line::{HOST, Line},
    output::Sink,
    queue::Queue,
    rotating::{Failure, RotatingFile},
};

/// Writes each line to `COMPONENT.log`, and from ERROR on to `COMPONENT_errors.log` as well.
pub(crate) struct Files {
    directory: PathBuf,
    max_size: u64,
    old_files: u32,
    format: Format,
    /// The lines of others go to the file of [`HOST`], so that the number of files is bounded.
    components: BTreeSet<String>,
    files: BTreeMap<String, Watched>,
    /// Of stderr, which says what cannot be written here.
    reports: Arc<Queue>,
    text: String,
}

/// A file, and what became of its lines.
struct Watched {
    file: RotatingFile,
    /// The lines that were lost since the last that was written.
    lost: u64,
    is_failing: bool,
}

impl Files {
    pub(crate) fn new(
        directory: PathBuf,
        settings: &LogSettings,
        format: Format,
        components: BTreeSet<String>,
        reports: Arc<Queue>,
    ) -> Self {
        Self {
            directory,
            max_size: settings.max_file_size as u64,
            old_files: settings.old_files,
            format,
            components,
            files: BTreeMap::new(),
            reports,
            text: String::new(),
        }
    }

    fn add(&mut self, line: &Line) {
        self.text.clear();
        self.format.push(&mut self.text, line);
        let known = self.components.contains(&line.component);
        let component = if known { &line.component } else { HOST };
        let name = format!("{component}.log");
        let errors = (line.level >= LogLevel::Error).then(|| format!("{component}_errors.log"));
        for name in std::iter::once(name).chain(errors) {
            let (directory, max_size, old_files) = (&self.directory, self.max_size, self.old_files);
            let watched = self.files.entry(name).or_insert_with_key(|name| Watched {
                file: RotatingFile::new(directory.join(name), max_size, old_files),
                lost: 0,
                is_failing: false,
            });
            watched.file.add(&self.text);
        }
    }
}

impl Sink for Files {
    fn write(&mut self, lines: &[Arc<Line>]) -> u64 {
        for line in lines {
            self.add(line);
        }
        let (format, reports) = (self.format, &self.reports);
        let files = self.files.values_mut();
        files.map(|file| file.flush(format, reports)).sum()
    }
}

impl Watched {
    /// Writes what was added, and returns how many lines are lost. The first failure and the recovery
    /// are said, not every failure.
    fn flush(&mut self, format: Format, reports: &Queue) -> u64 {
        let result = self.file.flush();
        let path = self.file.path().display();
        match result {
            Ok(()) if self.lost > 0 => {
                let text = format!(
                    "`{path}` is written again; {} lines are missing in it",
                    self.lost
                );
                let report = Line::new(LogLevel::Warning, HOST, text);
                let mut line = String::new();
                format.push(&mut line, &report);
                self.file.add(&line);
                reports.push(&Arc::new(report));
                // If this fails, it is repeated with the next lines.
                if self.file.flush().is_ok() {
                    (self.lost, self.is_failing) = (0, false);
                }
                0
            }
            Ok(()) => {
                self.is_failing = false;
                0
            }
            Err(Failure { lines, error }) => {
                self.lost += lines;
                if !std::mem::replace(&mut self.is_failing, true) {
                    let what = if lines > 0 {
                        "cannot be written, so its lines are lost"
                    } else {
                        "cannot be rotated, so it grows"
                    };
                    let text = format!("`{path}` {what}: {error}");
                    reports.push(&Arc::new(Line::new(LogLevel::Error, HOST, text)));
                }
                lines
            }
        }
    }
}
