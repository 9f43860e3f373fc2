//! One application: a manifest, its components compiled and linked, its routes.

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, component::Linker};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::{
    HostSettings,
    component::{Blueprint, Component},
    manifest::Manifest,
    router::Router,
    state::State,
    variables,
};
use adapter_contract::Adapter;

/// Routes of one manifest, and what its components are made of.
pub(super) struct Application {
    router: Arc<Router>,
    blueprints: Vec<Arc<Blueprint>>,
}

/// An application's routes and components on one thread.
pub(super) struct Running {
    router: Arc<Router>,
    components: Vec<Component>,
}

/// What all applications of a process share.
pub(super) struct Workshop<'a> {
    pub(super) engine: &'a Engine,
    pub(super) linker: &'a Linker<State>,
    pub(super) settings: &'a HostSettings,
    pub(super) stopping: &'a CancellationToken,
    /// By component id.
    pub(super) adapters: &'a HashMap<String, Arc<dyn Adapter>>,
    /// Finds environment variables, `.env` included.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// Components that were compiled already for another application, by path.
    pub(super) compiled: HashMap<std::path::PathBuf, wasmtime::component::Component>,
}

impl Application {
    /// Reads, compiles, links.
    pub(super) fn load(path: &Path, workshop: &mut Workshop<'_>) -> anyhow::Result<Self> {
        let manifest = Manifest::read(path)?;
        let values = variables::resolve(&manifest, workshop.environment)?;
        let mut blueprints: Vec<Arc<Blueprint>> = Vec::new();
        for (id, description) in &manifest.component {
            let variables = variables::expand(&manifest, id, description, &values)?;
            let allowed_hosts = variables::allowed_hosts(&manifest, id, description, &values)?;
            let adapter = workshop.adapters.get(id).cloned().ok_or_else(|| {
                manifest.invalid(format!(
                    "component `{id}` has no grants: add `[components.{id}]` to adapter.toml"
                ))
            })?;
            let source = manifest.source(id, description)?;
            let pre = workshop
                .prepare(&source)
                .with_context(|| format!("component `{id}`"))?;
            blueprints.push(Arc::new(Blueprint {
                id: id.as_str().into(),
                pre,
                adapter,
                variables: Arc::new(variables),
                environment: description.environment.clone().into_iter().collect(),
                allowed_hosts: Arc::new(allowed_hosts),
                settings: workshop.settings.clone(),
                stopping: workshop.stopping.clone(),
            }));
        }
        let number = |id: &str| blueprints.iter().position(|blueprint| *blueprint.id == *id);
        let router = Arc::new(Router::new(&manifest, number)?);
        Ok(Self { router, blueprints })
    }

    /// The application with instances of its own, for the serving thread `thread`.
    pub(super) fn run(&self, thread: usize) -> Running {
        let components = self
            .blueprints
            .iter()
            .cloned()
            .map(|blueprint| Component::new(blueprint, thread))
            .collect();
        Running {
            router: self.router.clone(),
            components,
        }
    }
}

impl Running {
    /// The component that answers `path`.
    pub(super) fn find(&self, path: &str) -> Option<&Component> {
        self.components.get(self.router.find(path)?)
    }
}

impl Workshop<'_> {
    fn prepare(&mut self, source: &Path) -> anyhow::Result<ServicePre<State>> {
        let key = source.canonicalize().with_context(|| {
            format!(
                "{} is not there; build the components first (`./dev build`, or `spin build`)",
                source.display()
            )
        })?;
        if !self.compiled.contains_key(&key) {
            let component = wasmtime::component::Component::from_file(self.engine, &key)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("compiling {}", key.display()))?;
            self.compiled.insert(key.clone(), component);
        }
        let component = self.compiled.get(&key).context("it was just inserted")?;
        let pre = self
            .linker
            .instantiate_pre(component)
            .map_err(anyhow::Error::from)
            .context("linking")?;
        ServicePre::new(pre)
            .map_err(anyhow::Error::from)
            .context("it does not export `wasi:http/handler@0.3.0`")
    }
}
