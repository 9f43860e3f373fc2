//! `host-adapter new-service`.

use std::path::Path;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use super::{Invocation, print};
use crate::new_service::{Created, NewService, Project, Store};

/// The service to make.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Its name, such as `notes`: what it keeps, in the plural.
    name: String,
    /// Where it keeps them.
    #[arg(long, value_enum, default_value_t = Kind::Postgres)]
    store: Kind,
    /// Send no event to analytics. Only a service with PostgreSQL sends events.
    #[arg(long)]
    no_event: bool,
    /// The port on which it is served alone. The default is the first free one after the others.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A table in PostgreSQL.
    Postgres,
    /// A collection of documents.
    Documents,
}

/// Makes the service and says what to do next.
pub(super) fn run(options: &Options, invocation: &Invocation) -> anyhow::Result<()> {
    let store = match options.store {
        Kind::Postgres => Store::Postgres,
        Kind::Documents => Store::Documents,
    };
    let service = NewService {
        name: &options.name,
        store,
        sends_events: store == Store::Postgres && !options.no_event,
        port: options.port,
    };
    let created = service.create(&Project {
        directory: invocation.project.clone(),
        file: invocation.file.clone(),
        settings: &invocation.settings,
        environment: &invocation.environment,
    })?;
    format(&invocation.project, &created);
    report(&options.name, &created)
}

/// A name may make lines longer or shorter. Without rustfmt, `./dev lint` says so later.
fn format(project: &Path, created: &Created) {
    let sources = created
        .files
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    let _ = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .args(sources)
        .current_dir(project)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn report(name: &str, created: &Created) -> anyhow::Result<()> {
    for path in &created.files {
        print(&format!("created {}", path.display()))?;
    }
    for path in &created.changed {
        print(&format!("changed {}", path.display()))?;
    }
    let test = name.replace('-', "_");
    print(&format!(
        "\n`./dev up` serves it at http://127.0.0.1:3000/api/v1/{name}, and alone at port {}.\n\
         `./dev test {test}_service` tests it. docs/add-a-service.md explains what was made.",
        created.port
    ))
}
