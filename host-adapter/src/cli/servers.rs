//! The servers of `up`: one accepts connections. Those that it has replaced finish their requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{sync::mpsc, task::JoinSet};

use super::sockets::Sockets;
use crate::config::Settings;
use adapter_component_host::{Host, HostHandle};
use adapter_listening::{ListeningSettings, Stop};

/// What the running servers are controlled by. Clones control the same.
#[derive(Clone)]
pub(super) struct Servers(Arc<Inner>);

struct Inner {
    current: Mutex<Current>,
    starting: mpsc::UnboundedSender<Server>,
    /// That of the process.
    stop: Stop,
}

/// The server that accepts connections.
struct Current {
    host: HostHandle,
    sockets: Arc<Sockets>,
    stop: Stop,
}

/// Ready to run.
struct Server {
    host: Host,
    settings: ListeningSettings,
    stop: Stop,
}

/// Runs the servers.
pub(super) struct Runner {
    starting: mpsc::UnboundedReceiver<Server>,
    first: Server,
}

impl Servers {
    /// The first server. It runs with the [`Runner`], until `stop`.
    pub(super) fn new(
        host: Host,
        sockets: Arc<Sockets>,
        settings: ListeningSettings,
        stop: Stop,
    ) -> (Self, Runner) {
        let (sender, starting) = mpsc::unbounded_channel();
        let first = Server {
            host,
            settings,
            stop: stop.of_server(),
        };
        let current = Current {
            host: first.host.handle(),
            sockets,
            stop: first.stop.clone(),
        };
        let servers = Inner {
            current: Mutex::new(current),
            starting: sender,
            stop,
        };
        (Self(Arc::new(servers)), Runner { starting, first })
    }

    /// The host that serves now.
    pub(super) fn host(&self) -> HostHandle {
        self.current().host.clone()
    }

    /// What it accepts from.
    pub(super) fn sockets(&self) -> Arc<Sockets> {
        self.current().sockets.clone()
    }

    /// Lets another host accept. The previous one asks its clients to open another connection for their next request,
    /// and closes connections that still have none after `host.request_timeout` of `previous`, when every request that
    /// it had is answered.
    pub(super) fn replace(
        &self,
        host: Host,
        sockets: Arc<Sockets>,
        settings: &Settings,
        previous: &Settings,
    ) {
        let next = Server {
            host,
            settings: settings.listening,
            stop: self.0.stop.of_server(),
        };
        let current = Current {
            host: next.host.handle(),
            sockets,
            stop: next.stop.clone(),
        };
        // The runner ends only with the process.
        let _ = self.0.starting.send(next);
        let before = std::mem::replace(&mut *self.current(), current);
        before.stop.replace();
        let grace = previous.host.request_timeout;
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(grace) => before.stop.shutdown.cancel(),
                () = before.stop.shutdown.cancelled() => {}
            }
        });
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        let current = self.0.current.lock();
        current.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner {
    /// Runs the first server and those that replace it, until the last one has ended. Returns the number of requests
    /// that it cut off.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or has panicked.
    pub(super) async fn run(mut self) -> anyhow::Result<usize> {
        let mut running = JoinSet::new();
        let mut next = Some(self.first);
        loop {
            if let Some(Server {
                host,
                settings,
                stop,
            }) = next.take()
            {
                running.spawn(host.run(settings, stop));
            }
            tokio::select! {
                // One that starts comes before the end of the one that it replaces.
                biased;
                Some(server) = self.starting.recv() => next = Some(server),
                Some(ended) = running.join_next() => {
                    let cut_off = ended??;
                    if running.is_empty() {
                        return Ok(cut_off);
                    }
                    report_end(cut_off);
                }
            }
        }
    }
}

/// Says how a server has ended that another one had replaced.
fn report_end(cut_off: usize) {
    if cut_off > 0 {
        tracing::warn!(
            "the previous server has ended: {cut_off} requests were cut off (`host.request_timeout` and \
             `host.shutdown_timeout`)"
        );
    } else {
        tracing::info!("the previous server has ended: it has answered all its requests");
    }
}
