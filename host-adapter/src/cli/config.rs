//! `host-adapter config`.

use clap::Subcommand;

use super::{Invocation, print};

/// Looking at the settings.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Check the settings and show what is in force and where it comes from, without secrets.
    Check,
}

pub(super) fn run(command: &Config, invocation: &Invocation) -> anyhow::Result<()> {
    match command {
        // Reading them was the check.
        Config::Check => print(invocation.settings.describe().trim_end()),
    }
}
