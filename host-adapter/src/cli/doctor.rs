//! `host-adapter doctor`.

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Args;

use super::{
    Invocation,
    database::{PRIVATE_DATABASE, PRIVATE_DIRECTORY},
    print,
};
use crate::{
    checks::Level,
    doctor::{self, Subject, report},
};

/// How to report.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    /// Exit with 1 if there are warnings, too.
    #[arg(long)]
    strict: bool,
}

/// Prints every finding. The exit status is 1 if something does not work.
pub(super) async fn run(options: &Doctor, invocation: &Invocation) -> anyhow::Result<ExitCode> {
    let subject = Subject {
        directory: &invocation.project,
        file: &invocation.file,
        settings: &invocation.settings,
        private_postgres: &invocation.project.join(PRIVATE_DIRECTORY),
        private_database: PRIVATE_DATABASE,
    };
    let findings = doctor::examine(&subject).await;
    if options.json {
        print(&serde_json::to_string_pretty(&report::to_json(&findings))?)?;
    } else {
        print(&report::text(&findings, has_colour(invocation)))?;
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    let limit = if options.strict {
        Level::Warning
    } else {
        Level::Error
    };
    if worst.is_some_and(|worst| worst >= limit) {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// See <https://no-color.org>.
fn has_colour(invocation: &Invocation) -> bool {
    std::io::stdout().is_terminal() && invocation.environment.get("NO_COLOR").is_none()
}
