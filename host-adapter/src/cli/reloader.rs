//! Applies changes while the application is served: components, manifests, migrations and settings.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use anyhow::Context as _;
use tokio::{runtime::Handle, task::AbortHandle};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Invocation, migrate,
    next_server::NextServer,
    process_changes::{ControlTask, ProcessChanges},
    run::{self, Running},
    servers::Servers,
    start_checks, up,
};
use crate::{
    assembly,
    checks::Host,
    config::{Environment, Settings},
    control::{Handler, Reloaded, Reply, Request, Served},
};
use adapter_component_host::ServedComponent;

/// Notices that are kept.
const MAX_NOTICES: usize = 50;

/// Shows and reloads what a running `up` serves. Clones do the same.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    servers: Servers,
    control: ControlTask,
    running: Running,
    /// What the program was started with.
    first: Arc<Invocation>,
    /// Reloads at the same time run one after the other.
    reloading: tokio::sync::Mutex<()>,
    notices: Mutex<VecDeque<Notice>>,
    /// The warnings that are in force and were logged.
    warnings: Mutex<BTreeSet<String>>,
}

/// The result of a reload or a build.
#[derive(Clone, Debug)]
pub struct Notice {
    /// When it ended.
    pub at: SystemTime,
    /// What triggered it: a command, a signal, or the file that changed.
    pub trigger: String,
    /// The component, or `None` for all.
    pub component: Option<String>,
    /// What was done, or why not.
    pub result: Result<Reloaded, String>,
}

impl Reloader {
    pub(super) fn new(servers: Servers, running: Running) -> Self {
        Self(Arc::new(Inner {
            warnings: Mutex::new(running.warnings.clone()),
            servers,
            control: ControlTask::default(),
            first: running.current.get(),
            running,
            reloading: tokio::sync::Mutex::new(()),
            notices: Mutex::default(),
        }))
    }

    /// What the program runs with at present.
    pub(super) fn invocation(&self) -> Arc<Invocation> {
        self.0.running.current.get()
    }

    /// Every component on every listener, as it is served now.
    pub fn components(&self) -> Vec<ServedComponent> {
        self.0.servers.host().components()
    }

    /// This task answers at the control socket, which a changed setting may move.
    pub(super) fn answers_at_control_socket(&self, task: Option<AbortHandle>) {
        let control = self.0.control.lock();
        *control.unwrap_or_else(PoisonError::into_inner) = task;
    }

    /// The latest builds and reloads, newest last.
    pub fn notices(&self) -> Vec<Notice> {
        let notices = self.0.notices.lock();
        let notices = notices.unwrap_or_else(PoisonError::into_inner);
        notices.iter().cloned().collect()
    }

    /// Keeps the result of a reload or a build for the page.
    pub(super) fn note(
        &self,
        trigger: &str,
        component: Option<&str>,
        result: Result<Reloaded, String>,
    ) {
        let notice = Notice {
            at: SystemTime::now(),
            trigger: trigger.to_owned(),
            component: component.map(str::to_owned),
            result,
        };
        let notices = self.0.notices.lock();
        let mut notices = notices.unwrap_or_else(PoisonError::into_inner);
        if notices.len() >= MAX_NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    /// Applies changes of one component, or of everything: settings, migrations, manifests and all
    /// components. `trigger` names the cause in the log.
    ///
    /// # Errors
    ///
    /// The settings, a manifest or a migration is not valid, or the component does not exist. The previous
    /// components keep serving.
    pub async fn reload(&self, component: Option<&str>, trigger: &str) -> anyhow::Result<Reloaded> {
        let _one = self.0.reloading.lock().await;
        let started = Instant::now();
        let result = match component {
            Some(id) => self.one(id).await,
            None => {
                let reloader = self.clone();
                let work = move || Handle::current().block_on(reloader.everything_or_stop());
                // On a thread of its own, because sqlx's migrations cannot move between threads.
                tokio::task::spawn_blocking(work)
                    .await
                    .unwrap_or_else(|error| {
                        Err(anyhow::Error::from(error).context("the reload did not finish"))
                    })
            }
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let result = result.map(|reloaded| Reloaded {
            milliseconds,
            ..reloaded
        });
        if let Err(error) = &result {
            tracing::error!("nothing was reloaded ({trigger}): {error:#}");
        }
        let noted = result.as_ref().map(Clone::clone);
        self.note(
            trigger,
            component,
            noted.map_err(|error| format!("{error:#}")),
        );
        result
    }

    async fn one(&self, id: &str) -> anyhow::Result<Reloaded> {
        self.warn(&self.invocation());
        up::compile_in_subprocess(&self.invocation()).await;
        Ok(Reloaded {
            report: self.0.servers.host().reload(Some(id)).await?,
            ..Reloaded::default()
        })
    }

    async fn everything_or_stop(&self) -> anyhow::Result<Reloaded> {
        tokio::select! {
            result = self.everything() => result,
            () = self.0.running.shutdown.cancelled() => anyhow::bail!("the program stops"),
        }
    }

    async fn everything(&self) -> anyhow::Result<Reloaded> {
        let previous = self.invocation();
        let next = Arc::new(self.read()?);
        self.warn(&next);
        let changes = next.settings.changes(&previous.settings);
        let mut done = Reloaded {
            settings: changes.names(),
            needs_restart: next.settings.changes_at_start(&self.0.first.settings),
            ..Reloaded::default()
        };
        for name in &done.needs_restart {
            tracing::warn!("`{name}` was changed and takes effect at the next start");
        }
        let running = &self.0.running;
        let process = ProcessChanges::prepare(running, &next, &previous, &changes).await?;
        // Variables of the manifests are looked up here.
        running.current.set(next.clone());
        let is_all_or_nothing = !changes.grants.is_empty() || !changes.server.is_empty();
        let result = if !changes.server.is_empty() {
            self.with_another_server(&next, &previous, &mut done).await
        } else if is_all_or_nothing {
            self.with_other_grants(&next, &mut done).await
        } else {
            self.with_the_same_grants(&next, &mut done).await
        };
        if result.is_err() || (is_all_or_nothing && done.report.has_rejections()) {
            running.current.set(previous);
            done.settings.clear();
        } else {
            process.apply(running, &next, &self.0.control, self.handler());
        }
        result.map(|()| done)
    }

    /// Starts another server beside the one that serves, which finishes its requests.
    async fn with_another_server(
        &self,
        next: &Invocation,
        previous: &Invocation,
        done: &mut Reloaded,
    ) -> anyhow::Result<()> {
        let (running, servers) = (&self.0.running, &self.0.servers);
        let mut server = NextServer::prepare(running, servers, next).await?;
        done.migrations = std::mem::take(&mut server.migrations);
        done.report = server.take_over(running, servers, next, previous).await;
        done.another_server = true;
        Ok(())
    }

    /// Logs what the checks of a start warn of. What keeps a component from working is found when it is
    /// loaded, and reported with the component.
    fn warn(&self, invocation: &Invocation) {
        let warnings = self.0.warnings.lock();
        let mut warnings = warnings.unwrap_or_else(PoisonError::into_inner);
        *warnings = start_checks::warn(invocation, Host::Embedded, &warnings);
    }

    /// Reads the settings again. Those that only a start can apply stay as they are.
    fn read(&self) -> anyhow::Result<Invocation> {
        let Invocation { project, file, .. } = &*self.0.first;
        let environment = Environment::load(project)?;
        let settings = Settings::load(project, file, &environment)?;
        Ok(Invocation {
            project: project.clone(),
            file: file.clone(),
            settings: settings.with_start_of(&self.0.first.settings),
            environment,
            log: self.0.first.log.clone(),
            traces: self.0.first.traces.clone(),
        })
    }

    async fn with_the_same_grants(
        &self,
        next: &Invocation,
        done: &mut Reloaded,
    ) -> anyhow::Result<()> {
        let documents = self.0.running.background.documents().await;
        let admin = &self.0.running.admin;
        done.migrations = migrate::all(next, admin, documents.as_ref()).await?;
        up::compile_in_subprocess(next).await;
        done.report = self.0.servers.host().reload(None).await?;
        Ok(())
    }

    async fn with_other_grants(
        &self,
        next: &Invocation,
        done: &mut Reloaded,
    ) -> anyhow::Result<()> {
        let Running { admin, .. } = &self.0.running;
        let host = self.0.servers.host();
        let peer_url = self.0.servers.sockets().peer_url();
        // The keys may have changed since the start, and a new component needs one.
        let keys = assembly::keys(&next.settings)?;
        let assembly = run::assemble(next, admin, &keys, &peer_url).await?;
        let reload = async {
            done.migrations = migrate::all(next, admin, assembly.documents.as_ref()).await?;
            up::compile_in_subprocess(next).await;
            host.reload_with(assembly.adapters()).await
        };
        match reload.await {
            Ok(report) if !report.has_rejections() => {
                done.report = report;
                let grace = next.settings.host.request_timeout;
                self.0.running.background.replace(assembly, grace).await;
            }
            Ok(report) => {
                done.report = report;
                assembly.close().await;
            }
            Err(error) => {
                assembly.close().await;
                return Err(error).context("the changed settings were not taken up");
            }
        }
        Ok(())
    }

    /// Answers the requests of the control socket.
    pub(super) fn handler(&self) -> Handler {
        let reloader = self.clone();
        Arc::new(move |request| {
            let reloader = reloader.clone();
            Box::pin(async move { reloader.answer(request).await })
        })
    }

    async fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Components {} => {
                let components = self.components();
                Reply::Components(components.into_iter().map(served).collect())
            }
            Request::Reload { component } => {
                let result = self.reload(component.as_deref(), "`host-adapter reload`");
                match result.await {
                    Ok(reloaded) => Reply::Reloaded(reloaded),
                    Err(error) => Reply::Failed(format!("{error:#}")),
                }
            }
        }
    }
}

fn served(component: ServedComponent) -> Served {
    let since = OffsetDateTime::from(component.since);
    let since = since.replace_nanosecond(0).unwrap_or(since);
    Served {
        listener: component.listener,
        component: component.id,
        version: component.version,
        digest: component.digest,
        // Only a year beyond 9999 cannot be written.
        since: since.format(&Rfc3339).unwrap_or_default(),
        path: component.path,
    }
}
