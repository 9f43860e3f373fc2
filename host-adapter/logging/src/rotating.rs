//! A file that is rotated by size: `user.log`, then `user.log.1`, and so on.
//!
//! The crates that rotate files lose lines when the file or its directory is removed, when a file
//! cannot be renamed, or when a disk is full, so this is our own.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// Lines that could not be written, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 0 if the file could only not be rotated.
    pub(crate) lines: u64,
    pub(crate) error: io::Error,
}

/// A file that is rotated by size. It is opened with the first line.
pub(crate) struct RotatingFile {
    path: PathBuf,
    /// Bytes.
    max_size: u64,
    old_files: u32,
    file: Option<File>,
    size: u64,
    /// Where it is rotated: at `max_size`, or later if that failed.
    limit: u64,
    pending: Vec<u8>,
}

impl RotatingFile {
    /// `max_size` is in bytes.
    pub(crate) fn new(path: PathBuf, max_size: u64, old_files: u32) -> Self {
        Self {
            path,
            max_size,
            old_files,
            file: None,
            size: 0,
            limit: max_size,
            pending: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line, which ends with a newline, to what [`flush`](Self::flush) writes.
    pub(crate) fn add(&mut self, line: &str) {
        self.pending.extend_from_slice(line.as_bytes());
    }

    /// Writes the lines that were added, and rotates where the file is full. A line is in one file, and
    /// whole.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        let mut not_rotated = None;
        while !rest.is_empty() {
            let written = self.write_part(rest, &mut not_rotated);
            let written = written.map_err(|(written, error)| {
                let lost = rest.get(written..).unwrap_or_default();
                let lines = count_lines(lost);
                Failure { lines, error }
            })?;
            rest = rest.get(written..).unwrap_or_default();
        }
        self.pending = pending;
        self.pending.clear();
        not_rotated.map_or(Ok(()), |error| Err(Failure { lines: 0, error }))
    }

    /// Writes the lines that fit into the current file, at least one. Returns how many bytes are
    /// written; with an error, how many of whole lines.
    fn write_part(
        &mut self,
        lines: &[u8],
        not_rotated: &mut Option<io::Error>,
    ) -> Result<usize, (usize, io::Error)> {
        self.open().map_err(|error| (0, error))?;
        let mut part = self.fitting(lines);
        if part == 0 {
            if let Err(error) = self.rotate() {
                // The file grows on, and this is tried again when it has grown as much again.
                self.limit = self.size.saturating_add(self.max_size);
                *not_rotated = Some(error);
            }
            self.open().map_err(|error| (0, error))?;
            part = self.fitting(lines).max(end_of_line(lines));
        }
        let lines = lines.get(..part).unwrap_or_default();
        self.write_whole(lines)?;
        // The directory was removed meanwhile: what was written went with it.
        if self.is_removed() {
            self.file = None;
            self.open().map_err(|error| (0, error))?;
            self.write_whole(lines)?;
        }
        Ok(part)
    }

    /// The bytes of the first lines that fit into the file.
    fn fitting(&self, lines: &[u8]) -> usize {
        let room = usize::try_from(self.limit.saturating_sub(self.size)).unwrap_or(usize::MAX);
        if lines.len() <= room {
            return lines.len();
        }
        let start = lines.get(..room).unwrap_or_default();
        start
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1)
    }

    /// Writes lines. If only a part can be written, no part of a line stays.
    fn write_whole(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let Some(file) = &mut self.file else {
            return Err((0, ErrorKind::NotFound.into()));
        };
        let mut written = 0;
        let error = loop {
            match file.write(lines.get(written..).unwrap_or_default()) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => break error,
            }
            if written == lines.len() {
                self.size += written as u64;
                return Ok(());
            }
        };
        let start = lines.get(..written).unwrap_or_default();
        let whole = start
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        self.size += whole as u64;
        // If this fails, the next opening ends the torn line.
        let _ = file.set_len(self.size);
        self.file = None;
        Err((whole, error))
    }

    /// Opens the file, unless it is open and still the one at its path: a person or a program may have
    /// moved or removed it.
    fn open(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            let (open, at_path) = (file.metadata()?, fs::metadata(&self.path).ok());
            let is_same =
                |other: fs::Metadata| (other.dev(), other.ino()) == (open.dev(), open.ino());
            if at_path.is_some_and(is_same) {
                return Ok(());
            }
        }
        self.file = None;
        let file = create(&self.path)?;
        self.size = file.metadata()?.len();
        self.limit = self.max_size;
        self.file = Some(file);
        Ok(())
    }

    fn is_removed(&self) -> bool {
        let metadata = self.file.as_ref().map(File::metadata);
        matches!(metadata, Some(Ok(metadata)) if metadata.nlink() == 0)
    }

    /// Renames the old files, the oldest first, so that a failure overwrites none but the oldest.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..self.old_files).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() == ErrorKind::NotFound && number > 0 => {}
                result => result?,
            }
        }
        self.file = None;
        Ok(())
    }

    /// The file that was rotated so many times.
    fn numbered(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        if number > 0 {
            path.push(format!(".{number}"));
        }
        path.into()
    }
}

/// Opens or creates a file to append to, and its directory. A line that was torn by the end of an
/// earlier process is ended.
fn create(path: &Path) -> io::Result<File> {
    let open = || {
        File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
    };
    let mut file = match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open()?
        }
        other => other?,
    };
    let size = file.metadata()?.len();
    let mut last = [b'\n'];
    if size > 0 {
        file.read_exact_at(&mut last, size - 1)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// The bytes of the first line.
fn end_of_line(lines: &[u8]) -> usize {
    let end = lines.iter().position(|byte| *byte == b'\n');
    end.map_or(lines.len(), |end| end + 1)
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(directory: &Path, max_size: u64) -> RotatingFile {
        RotatingFile::new(directory.join("logs/a.log"), max_size, 2)
    }

    fn write(file: &mut RotatingFile, lines: &[&str]) -> Result<(), Failure> {
        for line in lines {
            file.add(&format!("{line}\n"));
        }
        file.flush()
    }

    fn read(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join("logs").join(name)).unwrap()
    }

    #[test]
    fn lines_are_whole_and_the_oldest_file_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = file(directory.path(), 10);
        write(
            &mut file,
            &["aaaa", "bbbb", "cccc", "a very long line", "d", "e"],
        )
        .unwrap();
        write(&mut file, &["f"]).unwrap();
        assert_eq!(read(directory.path(), "a.log"), "d\ne\nf\n");
        assert_eq!(read(directory.path(), "a.log.1"), "a very long line\n");
        assert_eq!(read(directory.path(), "a.log.2"), "cccc\n");
        assert_eq!(
            fs::read_dir(directory.path().join("logs")).unwrap().count(),
            3
        );
    }

    #[test]
    fn a_removed_or_moved_file_is_created_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = file(directory.path(), 100);
        write(&mut file, &["a"]).unwrap();
        fs::remove_dir_all(directory.path().join("logs")).unwrap();
        write(&mut file, &["b"]).unwrap();
        assert_eq!(read(directory.path(), "a.log"), "b\n");
        fs::rename(file.path(), directory.path().join("logs/moved")).unwrap();
        write(&mut file, &["c"]).unwrap();
        assert_eq!(read(directory.path(), "a.log"), "c\n");
        assert_eq!(read(directory.path(), "moved"), "b\n");
    }

    #[test]
    fn a_file_that_cannot_be_rotated_grows_on() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = file(directory.path(), 4);
        // A directory with a file in it cannot be replaced by a file.
        fs::create_dir_all(directory.path().join("logs/a.log.2/full")).unwrap();
        write(&mut file, &["a", "b", "c", "d"]).unwrap();
        let failure = write(&mut file, &["e"]).unwrap_err();
        assert_eq!(failure.lines, 0);
        assert_eq!(read(directory.path(), "a.log.1"), "a\nb\n");
        assert_eq!(read(directory.path(), "a.log"), "c\nd\ne\n");
    }

    #[test]
    fn a_torn_line_of_an_earlier_process_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = file(directory.path(), 100);
        fs::create_dir_all(directory.path().join("logs")).unwrap();
        fs::write(file.path(), "whole\nto").unwrap();
        write(&mut file, &["a"]).unwrap();
        assert_eq!(read(directory.path(), "a.log"), "whole\nto\na\n");
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = file(directory.path(), 100);
        // A file where the directory should be.
        fs::write(directory.path().join("logs"), "").unwrap();
        assert_eq!(write(&mut file, &["a", "b"]).unwrap_err().lines, 2);
        fs::remove_file(directory.path().join("logs")).unwrap();
        write(&mut file, &["c"]).unwrap();
        assert_eq!(read(directory.path(), "a.log"), "c\n");
    }
}
