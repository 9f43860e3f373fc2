//! Measures whether the cost of a route grows with what is stored. One application keeps the smallest size, and
//! another grows. Both are measured in turn, so that the noise of a machine is not taken for growth.

mod fill;
mod report;
mod routes;
mod sizes;

use anyhow::Context as _;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    cli,
    hosts::{Host, Kind},
    lab::Lab,
    load::Outcome,
    note,
    pages::{self, Part},
    say,
    statistics::{Client, Store},
};
use report::Report;
use routes::Target;
use secrecy::ExposeSecret as _;
use sizes::Size;

/// One route at one size in one round, beside the smallest size.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// The place of the size in the list.
    pub(crate) size: usize,
    pub(crate) route: &'static str,
    pub(crate) smallest: Outcome,
    pub(crate) grown: Outcome,
}

pub(crate) async fn run(options: &cli::Growth, lab: &Lab) -> anyhow::Result<()> {
    let sizes = match options.public {
        true => sizes::public_up_to(options.largest),
        false => sizes::up_to(options.largest),
    };
    let first = sizes.first().context("the list of sizes is empty")?;
    let mut smallest = Application::start(lab, "smallest").await?;
    let mut grown = Application::start(lab, "grown").await?;
    smallest.grow(first).await?;
    let mut samples = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        note(&format!("filling: {size}"));
        grown.grow(size).await?;
        smallest.host.log_in().await?;
        grown.host.log_in().await?;
        for round in 1..=options.rounds {
            note(&format!("{size}: round {round} of {}", options.rounds));
            samples.extend(measure(lab, &smallest, &grown, index, options).await?);
        }
    }
    let report = Report::new(&sizes, &samples);
    say(&report.text())?;
    if options.write {
        let part = Part {
            name: "growth",
            text: report.markdown(),
            picture: "growth.svg",
            shows: "Cost of each route at growing sizes, relative to the smallest",
            svg: report.picture(),
        };
        pages::write(&lab.checkout.root, &part)?;
    }
    Ok(())
}

/// An embedded host whose database is filled by SQL.
struct Application {
    host: Host,
    database: PgPool,
    events: Store,
    client: Client,
    filled: Size,
}

impl Application {
    async fn start(lab: &Lab, name: &str) -> anyhow::Result<Self> {
        let host = Host::start(Kind::Embedded, lab, &lab.checkout, name).await?;
        host.register_users().await?;
        let project = host.project.as_ref().context("the host has no project")?;
        let pool = PgPoolOptions::new().max_connections(1);
        let database = pool.connect(project.database.expose_secret()).await?;
        fill::own_sessions(&database, host.user_id()).await?;
        Ok(Self {
            database,
            events: Store::connect(&project.database).await?,
            client: Client::new(&host)?,
            host,
            filled: Size::default(),
        })
    }

    /// Fills up to a size, and counts new events as if they had been recorded.
    async fn grow(&mut self, size: &Size) -> anyhow::Result<()> {
        fill::grow(&self.database, self.host.user_id(), &self.filled, size).await?;
        if self.filled.events < size.events {
            self.events.fill(self.filled.events..size.events).await?;
            self.client.rebuild().await?;
        }
        fill::settle(&self.database).await?;
        self.filled = size.clone();
        Ok(())
    }
}

async fn measure(
    lab: &Lab,
    smallest: &Application,
    grown: &Application,
    size: usize,
    options: &cli::Growth,
) -> anyhow::Result<Vec<Sample>> {
    let targets = match options.public {
        true => (Target::public(&smallest.host), Target::public(&grown.host)),
        false => (
            Target::all(&smallest.host).await?,
            Target::all(&grown.host).await?,
        ),
    };
    let mut samples = Vec::new();
    for (small, large) in targets.0.iter().zip(&targets.1) {
        let sample = Sample {
            size,
            route: small.title,
            smallest: small.run(lab, options.seconds).await?,
            grown: large.run(lab, options.seconds).await?,
        };
        let failed = sample.smallest.failed + sample.grown.failed;
        if failed > 0 {
            note(&format!("{}: {failed} requests failed", sample.route));
        }
        samples.push(sample);
    }
    Ok(samples)
}
