//! The applications of a running host, and the threads that serve them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Adapters, application::Application, loader::Loader, report::ServedComponent, serving::Serving,
};

/// What the host and its handles share.
pub(super) struct Hosted {
    pub(super) loader: Loader,
    pub(super) applications: Vec<ServedApplication>,
    /// Locked during a reload, so that two of them do not undo each other. Grants change with a reload.
    pub(super) adapters: tokio::sync::Mutex<Arc<Adapters>>,
}

/// A manifest, and what is served of it at present.
pub(super) struct ServedApplication {
    /// The listener's name.
    pub(super) listener: String,
    pub(super) manifest: std::path::PathBuf,
    served: Mutex<Served>,
}

struct Served {
    application: Arc<Application>,
    threads: Vec<Arc<Serving>>,
}

impl ServedApplication {
    pub(super) fn new(
        listener: String,
        manifest: std::path::PathBuf,
        application: Application,
    ) -> Self {
        Self {
            listener,
            manifest,
            served: Mutex::new(Served {
                application: Arc::new(application),
                threads: Vec::new(),
            }),
        }
    }

    /// What is served at present.
    pub(super) fn current(&self) -> Arc<Application> {
        self.served().application.clone()
    }

    /// Begins to serve on the thread `thread`.
    pub(super) fn on_thread(&self, thread: usize) -> Arc<Serving> {
        let mut served = self.served();
        let serving = Arc::new(Serving::new(&served.application, thread));
        served.threads.push(serving.clone());
        serving
    }

    /// Serves `application` on every thread. When this returns, no request begins on the previous one.
    pub(super) fn replace(&self, application: Arc<Application>) {
        let mut served = self.served();
        for thread in &served.threads {
            thread.replace(&application);
        }
        served.application = application;
    }

    pub(super) fn components(&self) -> Vec<ServedComponent> {
        let application = self.current();
        let templates = application.templates.iter();
        let component = templates.map(|template| ServedComponent {
            listener: self.listener.clone(),
            id: template.id.to_string(),
            path: template.path.clone(),
            digest: template.digest.to_string(),
            version: template.version.get().cloned(),
            since: template.since,
        });
        component.collect()
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
