//! What a check reports.

use std::fmt;

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Fine,
    /// Suspicious. Everything may work.
    Warning,
    /// Something does not work.
    Error,
}

/// One result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name, such as `grants`.
    pub check: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What was found, as a sentence without a full stop.
    pub what: String,
    /// What to do about it. Empty if there is nothing to do.
    pub fix: String,
}

impl Finding {
    /// Something is as it should be.
    pub fn fine(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Level::Fine, what, "")
    }

    /// Something is suspicious.
    pub fn warning(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Warning, what, fix)
    }

    /// Something does not work.
    pub fn error(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Error, what, fix)
    }

    /// A finding of any level.
    pub fn new(
        check: &'static str,
        level: Level,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            check,
            level,
            what: what.into(),
            fix: fix.into(),
        }
    }
}

/// `what: fix`, as in a log.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        if self.fix.is_empty() {
            return Ok(());
        }
        write!(formatter, ": {}", self.fix)
    }
}
