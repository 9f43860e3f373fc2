//! What one thread serves of one application. It is replaced between two requests.

use std::sync::{Arc, PoisonError, RwLock};

use super::{application::Application, component::Component, cors::Cors, router::Router};

/// An application on one thread, with the thread's own instances.
pub(super) struct Serving {
    thread: usize,
    /// Only this thread reads it, so a reader waits only while the application is replaced. The lock is
    /// never held while a request is answered.
    current: RwLock<ThreadApplication>,
}

struct ThreadApplication {
    router: Arc<Router>,
    components: Vec<Component>,
    cors: Arc<Cors>,
}

impl Serving {
    /// The application on the serving thread `thread`.
    pub(super) fn new(application: &Application, thread: usize) -> Self {
        let current = ThreadApplication::new(application, thread, &[]);
        Self {
            thread,
            current: RwLock::new(current),
        }
    }

    /// The component that handles `path`.
    pub(super) fn find(&self, path: &str) -> Option<Component> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let component = current.components.get(current.router.find(path)?);
        component.cloned()
    }

    /// Who may read the answer to a request that no route matches.
    pub(super) fn cors(&self) -> Arc<Cors> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.cors.clone()
    }

    /// Requests that begin after this are handled as `application` says. A component whose template did
    /// not change keeps its instances. The instances of the others end after their requests.
    pub(super) fn replace(&self, application: &Application) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let next = ThreadApplication::new(application, self.thread, &current.components);
        let previous = std::mem::replace(&mut *current, next);
        drop(current);
        for component in previous.components {
            let mut kept = application.templates.iter();
            if !kept.any(|template| Arc::ptr_eq(template, component.template())) {
                component.retire();
            }
        }
    }
}

impl ThreadApplication {
    fn new(application: &Application, thread: usize, previous: &[Component]) -> Self {
        let components = application.templates.iter().map(|template| {
            let mut previous = previous.iter();
            let same = previous.find(|component| Arc::ptr_eq(component.template(), template));
            same.cloned()
                .unwrap_or_else(|| Component::on_thread(template.clone(), thread))
        });
        Self {
            router: application.router.clone(),
            components: components.collect(),
            cors: application.cors.clone(),
        }
    }
}
