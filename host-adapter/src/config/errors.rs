//! What can be wrong with the configuration.

use std::fmt;
use std::path::PathBuf;

/// The settings are not valid. The text is for the person who wrote them, and repeats no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is missing, not readable, not UTF-8 or too large.
    #[error("cannot read `{}`: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why, in words.
        reason: String,
    },
    /// The file is not TOML, or `.env` is not a list of `NAME=value`.
    #[error("`{file}`, line {line}: {reason}")]
    Syntax {
        /// The file, relative to the project.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong in it.
        reason: String,
    },
    /// Settings that are unknown, of the wrong kind, out of range, or that do not fit together.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Problem>),
}

/// One thing that is wrong with one setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was set: the file, `.env` or `environment`.
    pub place: String,
    /// The key or variable, what was expected, and what it got.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.text)
    }
}

/// One problem on its own line, several as a list.
struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0 {
            return write!(formatter, "{only}");
        }
        write!(formatter, "{} settings are not acceptable", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}
