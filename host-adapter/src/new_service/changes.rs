//! Files that are written together, or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

type Check<'a> = Box<dyn Fn(&Path) -> anyhow::Result<()> + 'a>;

/// New files in new folders, and files to be replaced.
pub(super) struct Changes<'a> {
    project: &'a Path,
    created: Vec<(PathBuf, String)>,
    replaced: Vec<(PathBuf, String, Check<'a>)>,
}

/// What was written so far, removed again unless it is kept.
#[derive(Default)]
struct Written {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// Paths with the text before.
    replaced: Vec<(PathBuf, String)>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(project: &'a Path) -> Self {
        let (created, replaced) = (Vec::new(), Vec::new());
        Self {
            project,
            created,
            replaced,
        }
    }

    /// Creates a file that does not exist.
    pub(super) fn create(&mut self, path: PathBuf, text: String) {
        self.created.push((path, text));
    }

    /// Replaces a file. `check` is given the path of the new text, before anything changes.
    pub(super) fn replace(
        &mut self,
        path: &Path,
        text: String,
        check: impl Fn(&Path) -> anyhow::Result<()> + 'a,
    ) {
        self.replaced.push((path.to_owned(), text, Box::new(check)));
    }

    /// Writes everything, and returns the created and the replaced files.
    pub(super) fn apply(self) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let mut written = Written::default();
        if let Err(error) = self.write(&mut written) {
            written.undo();
            return Err(error);
        }
        let created = self.created.into_iter().map(|(path, _)| path).collect();
        let replaced = self.replaced.into_iter().map(|(path, ..)| path).collect();
        Ok((created, replaced))
    }

    fn write(&self, written: &mut Written) -> anyhow::Result<()> {
        let mut ready = Vec::new();
        for (path, text, check) in &self.replaced {
            let path = self.project.join(path);
            let mut new = path.clone().into_os_string();
            new.push(".new");
            let new = PathBuf::from(new);
            written.write(&new, text)?;
            check(&new)?;
            ready.push((new, path));
        }
        for (path, text) in &self.created {
            written.write(&self.project.join(path), text)?;
        }
        for (new, path) in ready {
            let before = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            fs::rename(&new, &path).with_context(|| format!("replacing {}", path.display()))?;
            written.replaced.push((path, before));
        }
        Ok(())
    }
}

impl Written {
    fn write(&mut self, path: &Path, text: &str) -> anyhow::Result<()> {
        let writing = || format!("writing {}", path.display());
        self.create_folder(path.parent().with_context(writing)?)
            .with_context(writing)?;
        self.files.push(path.to_owned());
        fs::write(path, text).with_context(writing)
    }

    /// With the folders above it.
    fn create_folder(&mut self, folder: &Path) -> std::io::Result<()> {
        if folder.exists() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.create_folder(above)?;
        }
        self.folders.push(folder.to_owned());
        fs::create_dir(folder)
    }

    /// What cannot be undone stays: the error that led here is the one to report.
    fn undo(self) {
        for (path, before) in self.replaced {
            let _ = fs::write(path, before);
        }
        for file in self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.into_iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_or_nothing() {
        let project = tempfile::tempdir().unwrap();
        let settings = project.path().join("a.toml");
        fs::write(&settings, "before").unwrap();
        let changes = |is_good: bool| {
            let mut changes = Changes::new(project.path());
            changes.create("x/y/new.rs".into(), "new".to_owned());
            changes.replace(Path::new("a.toml"), "after".to_owned(), move |path| {
                assert_eq!(fs::read_to_string(path)?, "after");
                anyhow::ensure!(is_good, "as asked");
                Ok(())
            });
            changes
        };
        let names = || {
            let entries = fs::read_dir(project.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        assert!(changes(false).apply().is_err());
        assert_eq!(
            (names(), fs::read_to_string(&settings).unwrap()),
            (vec!["a.toml".to_owned()], "before".to_owned())
        );

        changes(true).apply().unwrap();
        assert_eq!(names(), ["a.toml", "x"]);
        assert_eq!(fs::read_to_string(&settings).unwrap(), "after");
        assert_eq!(
            fs::read_to_string(project.path().join("x/y/new.rs")).unwrap(),
            "new"
        );
    }

    #[test]
    fn a_failure_while_writing_leaves_nothing() {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join("x"), "a file, so no folder").unwrap();
        let mut changes = Changes::new(project.path());
        changes.create("y/new.rs".into(), "new".to_owned());
        changes.create("x/new.rs".into(), "new".to_owned());
        assert!(changes.apply().is_err());
        assert!(!project.path().join("y").exists());
    }
}
