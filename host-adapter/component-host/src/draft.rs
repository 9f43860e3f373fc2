//! What an application will be after a reload.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    application::{self, Application},
    component::InstanceTemplate,
    cors::Cors,
    loader::Load,
    manifest::{Manifest, Route},
    router::Router,
};

/// An application that is loaded and not served yet.
pub(super) struct Draft {
    current: Arc<Application>,
    /// `None` keeps the routes, because only one component is reloaded.
    routes: Option<(Arc<Router>, Vec<Route>)>,
    cors: Arc<Cors>,
    /// In the order in which the routes number them.
    components: Vec<(Arc<str>, Next)>,
}

/// The next template of a component.
enum Next {
    /// Nothing that it is made from has changed.
    Same(Arc<InstanceTemplate>),
    New(Arc<InstanceTemplate>),
    /// Why it cannot be created.
    Rejected(String),
}

/// Why components are rejected, by id.
pub(super) type Rejected = BTreeMap<Arc<str>, String>;

impl Draft {
    /// Loads what has changed since `current`: the manifest at `path` and all components, or the
    /// component `only`.
    ///
    /// # Errors
    ///
    /// The manifest is not valid.
    pub(super) fn load(
        current: Arc<Application>,
        path: &Path,
        only: Option<&str>,
        load: &mut Load<'_>,
    ) -> anyhow::Result<Self> {
        let manifest = Manifest::read(path)?;
        let values = load.variables(&manifest)?;
        let routes = application::routes(&manifest)?;
        let mut components = Vec::new();
        for (id, description) in &manifest.component {
            let served = current.template(id);
            if only.is_some_and(|only| only != id || served.is_none()) {
                continue;
            }
            let plan = load.plan(&manifest, id, description, &values);
            let next = plan.and_then(|plan| match served {
                Some(served) if plan.made(served) => Ok(Next::Same(served.clone())),
                _ => load.template(plan).map(Next::New),
            });
            let next = next.unwrap_or_else(|error| Next::Rejected(format!("{error:#}")));
            components.push((id.as_str().into(), next));
        }
        Ok(Self {
            current,
            routes: only.is_none().then_some(routes),
            cors: Arc::new(Cors::new(|name| values.get(name))),
            components,
        })
    }

    /// The templates that must pass a check.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Arc<InstanceTemplate>> {
        self.components.iter().filter_map(|(_, next)| match next {
            Next::New(template) => Some(template),
            _ => None,
        })
    }

    /// Notes the components that could not be loaded.
    pub(super) fn reject(&self, rejected: &mut Rejected) {
        for (id, next) in &self.components {
            if let Next::Rejected(reason) = next {
                rejected.insert(id.clone(), reason.clone());
            }
        }
    }

    /// The application without what was rejected. A rejected component stays as it is. Routes to a new
    /// component that was rejected would lead nowhere, so the old routes stay.
    pub(super) fn finish(self, rejected: &Rejected) -> Arc<Application> {
        let current = self.current.clone();
        let next = self.with_new_routes(rejected);
        let next = next.unwrap_or_else(|| self.with_old_routes(rejected));
        if next.is(&current) {
            return current;
        }
        Arc::new(next)
    }

    fn with_new_routes(&self, rejected: &Rejected) -> Option<Application> {
        let (router, routes) = self.routes.clone()?;
        let templates = self.components.iter();
        let templates = templates.map(|(id, _)| self.template(id, rejected));
        Some(Application {
            templates: templates.collect::<Option<_>>()?,
            router,
            routes,
            cors: self.cors.clone(),
        })
    }

    fn with_old_routes(&self, rejected: &Rejected) -> Application {
        let templates = self.current.templates.iter();
        let next = |template: &Arc<InstanceTemplate>| {
            let next = self.template(&template.id, rejected);
            next.unwrap_or_else(|| template.clone())
        };
        Application {
            templates: templates.map(next).collect(),
            router: self.current.router.clone(),
            routes: self.current.routes.clone(),
            cors: self.current.cors.clone(),
        }
    }

    fn template(&self, id: &str, rejected: &Rejected) -> Option<Arc<InstanceTemplate>> {
        let mut components = self.components.iter();
        let next = components.find(|(component, _)| **component == *id);
        match next.map(|(_, next)| next) {
            Some(Next::Same(template)) => Some(template.clone()),
            Some(Next::New(template)) if !rejected.contains_key(id) => Some(template.clone()),
            _ => self.current.template(id).cloned(),
        }
    }
}
