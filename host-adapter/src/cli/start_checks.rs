//! What `up` and `serve` check before they start anything, and `up` again at each reload.

use std::{collections::BTreeSet, fmt::Write as _};

use super::Invocation;
use crate::checks::{self, Finding, Host, Level, Project};

/// Logs what is suspicious, and returns it.
///
/// # Errors
///
/// Everything that keeps the components from working, each with its fix.
pub(super) fn run(invocation: &Invocation, host: Host) -> anyhow::Result<BTreeSet<String>> {
    let findings = findings(invocation, host);
    let warnings = log(&findings, &BTreeSet::new());
    let errors: Vec<&Finding> = findings
        .iter()
        .filter(|one| one.level == Level::Error)
        .collect();
    anyhow::ensure!(errors.is_empty(), list(&errors)?);
    Ok(warnings)
}

/// Logs what is suspicious unless it is among `known`, and returns all of it.
pub(super) fn warn(
    invocation: &Invocation,
    host: Host,
    known: &BTreeSet<String>,
) -> BTreeSet<String> {
    log(&findings(invocation, host), known)
}

fn findings(invocation: &Invocation, host: Host) -> Vec<Finding> {
    let (directory, file) = (&invocation.project, &invocation.file);
    let project = Project::read(directory, file, &invocation.settings);
    checks::at_start(&project, host)
}

fn log(findings: &[Finding], known: &BTreeSet<String>) -> BTreeSet<String> {
    let warnings = findings.iter().filter(|one| one.level == Level::Warning);
    let warnings: BTreeSet<String> = warnings.map(Finding::to_string).collect();
    for warning in warnings.difference(known) {
        tracing::warn!("{warning}");
    }
    warnings
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
