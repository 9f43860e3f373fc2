//! Checks of a project's files against each other: settings, manifests and components.
//!
//! They read files only, so `up` and `serve` run them before anything is started, and `doctor` runs
//! them without a database. Every check reports all that it finds, each with its fix.

mod agreement;
mod finding;
mod folders;
mod grants;
mod listeners;
mod manifests;
mod peers;
mod project;
mod tokens;
mod versions;

pub use finding::{Finding, Level};
pub use project::Project;

/// Who runs the project's components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// `host-adapter up`.
    Embedded,
    /// Spin, with `host-adapter serve` beside it.
    Spin,
}

/// What keeps `host` from working, or is suspicious.
#[must_use]
pub fn at_start(project: &Project<'_>, host: Host) -> Vec<Finding> {
    let mut findings = manifests::check(project);
    if host == Host::Embedded {
        findings.extend(listeners::check(project));
        findings.extend(grants::check_files(project));
    }
    findings.extend(versions::check(project));
    findings.extend(grants::check_missing(project));
    findings.extend(peers::check(project));
    findings.extend(agreement::check(project));
    findings.extend(tokens::check(project, host));
    findings.extend(folders::check(project));
    findings
}

/// What [`at_start`] finds, and what is only worth a look: grants that no component uses.
#[must_use]
pub fn thorough(project: &Project<'_>, host: Host) -> Vec<Finding> {
    let mut findings = at_start(project, host);
    findings.extend(grants::check_surplus(project));
    findings
}
