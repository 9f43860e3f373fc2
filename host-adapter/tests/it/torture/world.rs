//! Everything that runs, and what is done to it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use host_adapter::dev::PrivateMongoDb;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use super::{
    clock::{self, Clock},
    plan::{Fault, LINKS, Link, Machine, Strike, Victim},
    postgres::{DATABASE, Postgres},
};
use crate::support::{
    App, Builder, HostMode,
    forward::{Flow, Forwarder},
    mongodb as server,
    process::send_signal,
};

/// Two applications with the same databases and keys. Each is a peer of the other: what the embedded one sends
/// to `analytics` and the composed one to `user` goes there.
pub(super) struct World {
    pub(super) embedded: App,
    pub(super) composed: App,
    postgres: Postgres,
    mongodb: Option<PrivateMongoDb>,
    links: HashMap<Link, Forwarder>,
    clocks: [Clock; 2],
    directory: TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let postgres = Postgres::new().await;
        let data = directory.path().join("mongodb");
        let mongodb = server::start_private_server(Some(&data)).await;
        let links = links(&postgres.url(), mongodb.port());
        let clocks = ["embedded", "composed"].map(|name| Clock::new(directory.path(), name));
        let keys = directory.path().join("keys");
        let (to_postgres, to_mongodb) = (Link::EmbeddedToPostgres, Link::EmbeddedToMongoDb);
        let embedded = builder(HostMode::Embedded, &keys)
            .database(through(&links[&to_postgres], &postgres.url()))
            .mongodb(&mongodb_through(&links[&to_mongodb]))
            .env(
                "SPINDLE_PEERS_ANALYTICS_URL",
                &links[&Link::EmbeddedToPeer].url,
            );
        let embedded = clocks[0].give_to(embedded).start().await;
        let (to_postgres, to_mongodb) = (Link::AdapterToPostgres, Link::AdapterToMongoDb);
        let composed = builder(HostMode::Composed, &keys)
            .database(through(&links[&to_postgres], &postgres.url()))
            .mongodb(&mongodb_through(&links[&to_mongodb]))
            .env("SPINDLE_PEERS_USER_URL", &links[&Link::AdapterToPeer].url);
        let composed = clocks[1].give_to(composed).start().await;
        links[&Link::EmbeddedToPeer].forward_to(composed.fixed_url());
        links[&Link::AdapterToPeer].forward_to(embedded.fixed_url());
        Self {
            embedded,
            composed,
            postgres,
            mongodb: Some(mongodb),
            links,
            clocks,
            directory,
        }
    }

    /// Addresses at which clients reach the applications, also after a restart.
    pub(super) fn urls(&self) -> [String; 2] {
        [&self.embedded, &self.composed].map(|app| app.fixed_url().to_owned())
    }

    pub(super) fn postgres_url(&self) -> SecretString {
        self.postgres.url()
    }

    pub(super) fn mongodb_url(&self) -> SecretString {
        self.mongodb.as_ref().expect("running").url(DATABASE)
    }

    /// Inflicts a fault, and repairs everything.
    pub(super) async fn suffer(&mut self, fault: &Fault) {
        tokio::time::sleep(fault.pause).await;
        fault.strikes.iter().for_each(|strike| self.strike(*strike));
        tokio::time::sleep(fault.lasts).await;
        // An adapter that starts needs everything else.
        let mut strikes = fault.strikes.clone();
        strikes.sort_by_key(|strike| order_of_repair(*strike));
        for strike in strikes {
            self.repair(strike).await;
        }
    }

    fn strike(&self, strike: Strike) {
        match strike {
            Strike::Kill(victim) => send_signal(self.pid(victim), "KILL"),
            Strike::Freeze(victim) => self.signal(victim, "STOP"),
            Strike::Cut(link) => self.link(link).set_flow(Flow::Cut),
            Strike::Stall(link) => self.link(link).set_flow(Flow::Stalled),
            Strike::Clock(machine, minutes) => self.clock(machine).set(minutes),
        }
    }

    async fn repair(&mut self, strike: Strike) {
        match strike {
            Strike::Kill(victim) => self.start_again(victim).await,
            Strike::Freeze(victim) => self.signal(victim, "CONT"),
            Strike::Cut(link) | Strike::Stall(link) => self.link(link).set_flow(Flow::Open),
            Strike::Clock(machine, _) => self.clock(machine).set(0),
        }
    }

    async fn start_again(&mut self, victim: Victim) {
        clock::clean_up(self.pid(victim));
        match victim {
            Victim::Embedded => self.embedded.restart_host().await,
            Victim::Composed => self.composed.restart_host().await,
            Victim::Adapter => self.composed.restart_adapter().await,
            Victim::Postgres => self.postgres.start().await,
            Victim::MongoDb => {
                drop(self.mongodb.take());
                let data = self.directory.path().join("mongodb");
                let mongodb = server::start_private_server(Some(&data)).await;
                // Another process may have taken the port of the one before.
                for link in [Link::EmbeddedToMongoDb, Link::AdapterToMongoDb] {
                    self.links[&link].forward_to(&mongodb_at(mongodb.port()));
                }
                self.mongodb = Some(mongodb);
            }
        }
    }

    fn pid(&self, victim: Victim) -> u32 {
        match victim {
            Victim::Embedded => self.embedded.host_pid(),
            Victim::Composed => self.composed.host_pid(),
            Victim::Adapter => self.composed.pid(),
            Victim::Postgres => self.postgres.pid(),
            Victim::MongoDb => self.mongodb.as_ref().expect("running").pid(),
        }
    }

    fn signal(&self, victim: Victim, name: &str) {
        match victim {
            Victim::Postgres => self.postgres.signal_all(name),
            victim => send_signal(self.pid(victim), name),
        }
    }

    /// The adapter's address is that of a forwarder in any case.
    fn link(&self, link: Link) -> &Forwarder {
        match link {
            Link::ComposedToAdapter => self.composed.adapter_address(),
            link => &self.links[&link],
        }
    }

    fn clock(&self, machine: Machine) -> &Clock {
        match machine {
            Machine::Embedded => &self.clocks[0],
            Machine::Composed => &self.clocks[1],
            Machine::Postgres => &self.postgres.clock,
        }
    }

    pub(super) async fn stop(self) {
        for app in [self.embedded, self.composed] {
            let (code, log) = app.stop().await;
            assert_eq!(code, Some(0), "{log:#?}");
        }
        self.postgres.stop().await;
    }
}

fn builder(mode: HostMode, keys: &Path) -> Builder {
    Builder::new(mode)
        .keys(keys)
        .env("SPINDLE_PASSWORDS_ATTEMPTS_PER_MINUTE", "1000000")
        // Sessions do not expire meanwhile.
        .env("SPINDLE_TOKENS_LIFETIME", "20h")
}

fn order_of_repair(strike: Strike) -> u8 {
    match strike {
        Strike::Cut(_) | Strike::Stall(_) | Strike::Clock(..) | Strike::Freeze(_) => 0,
        Strike::Kill(Victim::Postgres | Victim::MongoDb) => 1,
        Strike::Kill(Victim::Adapter) => 2,
        Strike::Kill(Victim::Embedded | Victim::Composed) => 3,
    }
}

/// The links to the databases, and those to peers, which have no target yet.
fn links(postgres: &SecretString, mongodb: u16) -> HashMap<Link, Forwarder> {
    let url = Url::parse(postgres.expose_secret()).expect("a URL");
    let host = url.query_pairs().find(|(name, _)| name == "host");
    let socket = PathBuf::from(&*host.expect("a socket").1).join(".s.PGSQL.5432");
    let new = |link| {
        let forwarder = Forwarder::new();
        match link {
            Link::EmbeddedToPostgres | Link::AdapterToPostgres => {
                forwarder.forward_to_socket(socket.clone());
            }
            Link::EmbeddedToMongoDb | Link::AdapterToMongoDb => {
                forwarder.forward_to(&mongodb_at(mongodb));
            }
            _ => {}
        }
        (link, forwarder)
    };
    // The application has made that to its adapter.
    let links = LINKS.into_iter();
    links
        .filter(|link| *link != Link::ComposedToAdapter)
        .map(new)
        .collect()
}

/// The URL of the database through a link.
pub(super) fn through(link: &Forwarder, url: &SecretString) -> SecretString {
    let url = Url::parse(url.expose_secret()).expect("a URL");
    let (user, password) = (url.username(), url.password().expect("a password"));
    let address = link.address();
    format!("postgres://{user}:{password}@{address}/{DATABASE}").into()
}

fn mongodb_at(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}")
}

fn mongodb_through(link: &Forwarder) -> SecretString {
    let address = link.address();
    format!("mongodb://{address}/{DATABASE}?directConnection=true").into()
}
