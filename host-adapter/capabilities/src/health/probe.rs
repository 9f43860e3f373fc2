//! The health check of one dependency.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{net::TcpStream, time::Instant};

use super::{Dependency, State};
use crate::{dispatch::Peers, documents::MongoDb, postgres::Pool};

/// What a probe checks, and how.
#[derive(Debug, Clone)]
pub enum Target {
    /// The probe runs a statement.
    Postgres(Pool),
    /// The probe sends a `ping`.
    MongoDb(MongoDb),
    /// The probe opens and closes a connection. If it asked for the peer's own health, two services that
    /// call each other would ask in an endless loop.
    Peer(Arc<Peers>),
}

/// A dependency to check.
#[derive(Debug, Clone)]
pub struct Probe {
    /// `postgres`, `documents`, or the peer's name.
    pub name: String,
    /// What to check.
    pub target: Target,
    /// Whether the component cannot work without the dependency.
    pub needed: bool,
}

impl Probe {
    pub(super) fn on_thread(&self, number: usize) -> Self {
        let target = match &self.target {
            Target::Postgres(pool) => Target::Postgres(pool.on_thread(number)),
            other => other.clone(),
        };
        Self {
            target,
            ..self.clone()
        }
    }

    pub(super) async fn ask(&self, timeout: Duration) -> Dependency {
        let start = Instant::now();
        let up = tokio::time::timeout(timeout, self.is_up())
            .await
            .unwrap_or(false);
        let microseconds = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Dependency {
            name: self.name.clone(),
            kind: self.kind().to_owned(),
            state: if up { State::Up } else { State::Down },
            needed: self.needed,
            latency_microseconds: up.then_some(microseconds),
            last_answered: up.then(current_time),
        }
    }

    fn kind(&self) -> &'static str {
        match &self.target {
            Target::Postgres(_) => "postgresql",
            Target::MongoDb(_) => "mongodb",
            Target::Peer(_) => "http",
        }
    }

    fn is_up(&self) -> BoxFuture<'_, bool> {
        match &self.target {
            Target::Postgres(pool) => Box::pin(async {
                let answer = pool.run(|connection| {
                    Box::pin(async move {
                        sqlx::query("select 1").execute(connection).await?;
                        Ok(())
                    })
                });
                answer.await.is_ok()
            }),
            Target::MongoDb(store) => Box::pin(async { store.ping().await.is_ok() }),
            Target::Peer(peers) => Box::pin(self.accepts_connections(peers)),
        }
    }

    async fn accepts_connections(&self, peers: &Peers) -> bool {
        let Some(url) = peers.get(&self.name) else {
            return false;
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        TcpStream::connect((host.trim_matches(['[', ']']), port))
            .await
            .is_ok()
    }
}

fn current_time() -> String {
    // Formatting fails only for years that RFC 3339 cannot express.
    OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default()
}
