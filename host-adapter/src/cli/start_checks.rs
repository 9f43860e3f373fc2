//! What `up` and `serve` check before they start anything.

use std::fmt::Write as _;

use super::Invocation;
use crate::checks::{self, Finding, Host, Level, Project};

/// Logs what is suspicious.
///
/// # Errors
///
/// Everything that keeps the components from working, each with its fix.
pub(super) fn run(invocation: &Invocation, host: Host) -> anyhow::Result<()> {
    let (directory, file) = (&invocation.project, &invocation.file);
    let project = Project::read(directory, file, &invocation.settings);
    let findings = checks::at_start(&project, host);
    for warning in findings.iter().filter(|one| one.level == Level::Warning) {
        tracing::warn!("{warning}");
    }
    let errors: Vec<&Finding> = findings
        .iter()
        .filter(|one| one.level == Level::Error)
        .collect();
    anyhow::ensure!(errors.is_empty(), list(&errors)?);
    Ok(())
}

/// One error on its own line, several as a list.
fn list(errors: &[&Finding]) -> Result<String, std::fmt::Error> {
    if let [only] = errors {
        return Ok(only.to_string());
    }
    let mut text = format!("{} things keep it from starting", errors.len());
    for error in errors {
        write!(text, "\n  {error}")?;
    }
    Ok(text)
}
