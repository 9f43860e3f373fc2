//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{compare, growth, hosts::Kind, lab::Lab, routes::Route, statistics};

/// Measures Spindle.
#[derive(Debug, Parser)]
#[command(name = "./dev bench")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare hosts, or two revisions: requests per second, processor time, latency and memory. The default.
    Compare(Comparison),
    /// The same for what a call to the adapter costs: embedded, composed and Spin, by frames and by HTTP; plain,
    /// count and profile.
    Sidecar(Comparison),
    /// Measure statistics at growing numbers of events, and the events per second that are accepted.
    Statistics(Statistics),
    /// Measure each route at growing numbers of users, events, sessions and activities.
    Growth(Growth),
}

/// Where the programs come from.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// Measure programs without optimisation, which are built in seconds: to try the measurement itself.
    #[arg(long)]
    pub(crate) debug: bool,
    /// The directory with `host-adapter`, instead of the one with this program.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) programs: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Comparison {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// Duration of one measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// The result is the median of the rounds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Which hosts, separated by commas. The default is those of the command that this machine can run.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) hosts: Vec<Kind>,
    /// Which routes, separated by commas. The default is those of the command.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) routes: Vec<Route>,
    /// Build this revision, and measure each host of it in turn with this checkout's.
    #[arg(long, value_name = "REV")]
    pub(crate) against: Option<String>,
    /// Write the result into docs/performance.md and docs/performance.svg.
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Statistics {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// The numbers of events.
    #[arg(default_values_t = [10_000, 100_000, 1_000_000])]
    pub(crate) events: Vec<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Growth {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// Duration of one measurement.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// The result is the median of the rounds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// The largest number of users and of events: 10000 to 10000000. A million takes about 3 GB on the disk,
    /// ten million 25 GB.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..=10_000_000))]
    pub(crate) largest: u64,
    /// Only public routes, and only users and events: to have many of them sooner.
    #[arg(long, conflicts_with = "write")]
    pub(crate) public: bool,
    /// Write the result into docs/performance.md and docs/growth.svg.
    #[arg(long)]
    pub(crate) write: bool,
}

impl Arguments {
    pub(crate) fn programs(&self) -> Option<&Path> {
        let programs = match &self.command {
            Command::Compare(options) | Command::Sidecar(options) => &options.programs,
            Command::Statistics(options) => &options.programs,
            Command::Growth(options) => &options.programs,
        };
        programs.programs.as_deref()
    }
}

pub(crate) async fn run(command: &Command, lab: &Lab) -> anyhow::Result<()> {
    match command {
        Command::Compare(options) => compare::run(options, lab, &Kind::COMPARED, &Route::ALL).await,
        Command::Sidecar(options) => {
            let routes = [Route::Plain, Route::Count, Route::Profile];
            compare::run(options, lab, &Kind::SIDECAR, &routes).await
        }
        Command::Statistics(options) => statistics::run(&options.events, lab).await,
        Command::Growth(options) => growth::run(options, lab).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn hosts_and_routes_are_separated_by_commas() {
        let words =
            "bench compare --hosts embedded,spin-pg --routes plain,statistics-during-events";
        let arguments = Arguments::try_parse_from(words.split(' ')).unwrap();
        let Command::Compare(options) = arguments.command else {
            unreachable!("it is a comparison");
        };
        assert_eq!(options.hosts, [Kind::Embedded, Kind::SpinPg]);
        let routes = [Route::Plain, Route::StatisticsDuringEvents];
        assert_eq!(options.routes, routes);
    }
}
