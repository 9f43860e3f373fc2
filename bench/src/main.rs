//! Measures Spindle: requests per second, processor time, latency and memory of each of its hosts, beside a
//! native server and the same components at another revision; statistics at growing numbers of events; and
//! each route at growing numbers of everything. `./dev bench` builds what it measures.

mod against;
mod checkout;
mod cli;
mod compare;
mod database;
mod figures;
mod growth;
mod hosts;
mod http;
mod lab;
mod load;
mod pages;
mod picture;
mod process;
mod project;
mod rounds;
mod routes;
mod statistics;
mod summary;
mod table;
mod usage;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use lab::Lab;

/// The same allocator as host-adapter, so that the comparison does not measure allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let arguments = cli::Arguments::parse();
    let lab = Lab::open(arguments.programs()).await?;
    let measured = tokio::select! {
        measured = cli::run(&arguments.command, &lab) => measured,
        interrupted = interruption() => interrupted,
    };
    // Also after an error: PostgreSQL would go on.
    let closed = lab.close().await;
    measured.and(closed)
}

/// Waits for Ctrl-C or SIGTERM. The processes under measurement stop when the future of the measurement is
/// dropped.
async fn interruption() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
    anyhow::bail!("interrupted")
}

/// Prints a line of the result.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("writing to standard output")
}

/// Prints a line about the progress, or a warning.
fn note(line: &str) {
    // The result does not depend on it.
    let _ = writeln!(std::io::stderr(), "bench: {line}");
}
