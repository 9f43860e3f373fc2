//! One application: its routes, and the templates of its components.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;

use super::{
    component::InstanceTemplate,
    cors::Cors,
    loader::Load,
    manifest::{Manifest, Route},
    router::Router,
};

/// The routes of one manifest, and the templates of its components.
pub(super) struct Application {
    /// Refers to components by their position in `templates`.
    pub(super) router: Arc<Router>,
    pub(super) routes: Vec<Route>,
    /// For answers to requests that no route matches.
    pub(super) cors: Arc<Cors>,
    pub(super) templates: Vec<Arc<InstanceTemplate>>,
}

impl Application {
    /// Reads the manifest at `path`, and compiles and links its components.
    pub(super) fn load(path: &Path, load: &mut Load<'_>) -> anyhow::Result<Self> {
        let manifest = Manifest::read(path)?;
        let values = load.variables(&manifest)?;
        let (router, routes) = routes(&manifest)?;
        let templates = manifest.component.iter().map(|(id, description)| {
            let plan = load.plan(&manifest, id, description, &values)?;
            load.template(plan)
                .with_context(|| format!("component `{id}`"))
        });
        Ok(Self {
            templates: templates.collect::<anyhow::Result<_>>()?,
            router,
            routes,
            cors: Arc::new(Cors::new(|name| values.get(name))),
        })
    }

    /// The template of the component `id`.
    pub(super) fn template(&self, id: &str) -> Option<&Arc<InstanceTemplate>> {
        self.templates.iter().find(|template| *template.id == *id)
    }

    /// Whether both serve the same routes with the same templates.
    pub(super) fn is(&self, other: &Self) -> bool {
        let mut pairs = self.templates.iter().zip(&other.templates);
        self.routes == other.routes
            && self.cors == other.cors
            && self.templates.len() == other.templates.len()
            && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

/// The routes of a manifest, whose components are numbered in the order of their ids.
pub(super) fn routes(manifest: &Manifest) -> anyhow::Result<(Arc<Router>, Vec<Route>)> {
    let routes = manifest.routes()?;
    let number = |id: &str| manifest.component.keys().position(|known| known == id);
    let router = Router::new(manifest, &routes, number)?;
    Ok((Arc::new(router), routes))
}
