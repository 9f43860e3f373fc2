//! Variables from the process's environment and from `.env`.
//!
//! The process's environment is read once. Nothing here sets a variable, because that is
//! neither safe beside other threads nor visible to a person who debugs a setting.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use secrecy::SecretString;

use super::errors::ConfigError;

/// The file with variables in the project's directory. Not for version control: it holds secrets.
pub const DOTENV_FILE: &str = ".env";

/// The size limit of a settings or `.env` file. It keeps a mistyped path, such as one to a device,
/// from filling the memory.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where a variable was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment that this process was started with.
    Process,
    /// The file `.env` of the project.
    Dotenv,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Process => "environment",
            Self::Dotenv => DOTENV_FILE,
        })
    }
}

/// All variables. An empty variable counts as not set, because that is how shells
/// and container tools write "not set".
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, (String, Origin)>,
}

impl Environment {
    /// The variables of this process, and those of `.env` in `project` that the process does not
    /// set. A missing `.env` is an empty one.
    ///
    /// # Errors
    /// `.env` cannot be read, or is not a list of `NAME=value`.
    pub fn load(project: &Path) -> Result<Self, ConfigError> {
        let process = std::env::vars_os().map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        });
        Ok(Self::new(process, read_dotenv(project)?))
    }

    /// Variables given by the caller; those of `process` win.
    pub fn new(
        process: impl IntoIterator<Item = (String, String)>,
        dotenv: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let dotenv = dotenv
            .into_iter()
            .map(|(name, value)| (name, (value, Origin::Dotenv)));
        let process = process
            .into_iter()
            .map(|(name, value)| (name, (value, Origin::Process)));
        let mut variables: BTreeMap<_, _> = dotenv.chain(process).collect();
        // After the merge, so that an empty variable of the process can unset one from `.env`.
        variables.retain(|_, (value, _)| !value.trim().is_empty());
        Self { variables }
    }

    /// The variable's value without spaces around it, and where it was set.
    pub fn find(&self, name: &str) -> Option<(&str, Origin)> {
        let (value, origin) = self.variables.get(name)?;
        Some((value.trim(), *origin))
    }

    /// The variable's value without spaces around it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|(value, _)| value)
    }

    /// The names of all variables that begin with `prefix`, and where each was set.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, Origin)> {
        let variables = self.variables.iter();
        variables
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, (_, origin))| (name.as_str(), *origin))
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.variables.keys())
            .finish()
    }
}

/// The text of a file of at most [`MAX_FILE_BYTES`]; `None` if there is no such file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable {
        file: path.to_owned(),
        reason,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.kind().to_string())),
    };
    let mut text = String::new();
    let length = file
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.kind().to_string()))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(unreadable("it is longer than 1 MiB".to_owned()));
    }
    Ok(Some(text))
}

/// The secret in a file, without the line end that editors leave after it.
pub(super) fn read_secret(path: &Path) -> Result<SecretString, ConfigError> {
    let text = read_text(path)?.ok_or_else(|| ConfigError::Unreadable {
        file: path.to_owned(),
        reason: ErrorKind::NotFound.to_string(),
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

fn read_dotenv(project: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let text = read_text(&project.join(DOTENV_FILE))?.unwrap_or_default();
    let variables = dotenvy::from_read_iter(text.as_bytes());
    variables
        .collect::<Result<_, _>>()
        .map_err(|error| ConfigError::Syntax {
            file: DOTENV_FILE.to_owned(),
            line: line_of(&error, &text),
            reason: "expected `NAME=value`; a value with spaces, `#` or `$` needs single quotes"
                .to_owned(),
        })
}

/// The number of the line that an error is about. The error's own text would repeat the line.
fn line_of(error: &dotenvy::Error, text: &str) -> usize {
    let dotenvy::Error::LineParse(wrong, _) = error else {
        return 1;
    };
    let first = wrong.lines().next().unwrap_or_default().trim();
    let position = text.lines().position(|line| line.contains(first));
    position.unwrap_or_default() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn the_process_wins_and_empty_is_not_set() {
        let environment = Environment::new(
            pairs(&[("A", "process"), ("B", "")]),
            pairs(&[("A", "file"), ("B", "file"), ("C", " spaces ")]),
        );
        assert_eq!(environment.find("A"), Some(("process", Origin::Process)));
        assert_eq!(environment.find("B"), None);
        assert_eq!(environment.find("C"), Some(("spaces", Origin::Dotenv)));
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::new(pairs(&[("DATABASE_URL", "postgres://a:hidden@b")]), []);
        let text = format!("{environment:?}");
        assert!(
            text.contains("DATABASE_URL") && !text.contains("hidden"),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_line_of_dotenv_is_named_without_its_content() {
        let project = tempfile::tempdir().unwrap();
        let file = project.path().join(DOTENV_FILE);
        std::fs::write(&file, "A=1\n\nPOSTGRES_PASSWORD=two hidden words\n").unwrap();
        let error = Environment::load(project.path()).unwrap_err().to_string();
        assert!(
            error.starts_with("`.env`, line 3: ") && !error.contains("hidden"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_file_loses_only_its_line_end() {
        use secrecy::ExposeSecret;
        let project = tempfile::tempdir().unwrap();
        let file = project.path().join("secret");
        std::fs::write(&file, " with spaces \r\n").unwrap();
        assert_eq!(read_secret(&file).unwrap().expose_secret(), " with spaces ");
        let missing = read_secret(&project.path().join("missing")).unwrap_err();
        assert!(missing.to_string().contains("missing"), "{missing}");
    }
}
