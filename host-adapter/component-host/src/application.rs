//! One application: its routes, and its compiled and linked components.

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, component::Linker};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::{
    HostSettings,
    component::{Component, InstanceTemplate},
    manifest::Manifest,
    router::Router,
    state::State,
    variables,
};
use adapter_contract::Adapter;

/// The routes of one manifest, and the templates of its components.
pub(super) struct Application {
    router: Arc<Router>,
    templates: Vec<Arc<InstanceTemplate>>,
}

/// An application's routes and components on one thread.
pub(super) struct ThreadApplication {
    router: Arc<Router>,
    components: Vec<Component>,
}

/// Loads applications, and holds what all applications of a process share.
pub(super) struct Loader<'a> {
    pub(super) engine: &'a Engine,
    pub(super) linker: &'a Linker<State>,
    pub(super) settings: &'a HostSettings,
    pub(super) stopping: &'a CancellationToken,
    /// By component id.
    pub(super) adapters: &'a HashMap<String, Arc<dyn Adapter>>,
    /// Looks up an environment variable, in the process's environment or in `.env`.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// Components already compiled for another application, by path.
    pub(super) compiled: HashMap<std::path::PathBuf, wasmtime::component::Component>,
}

impl Application {
    /// Reads the manifest at `path`, and compiles and links its components.
    pub(super) fn load(path: &Path, loader: &mut Loader<'_>) -> anyhow::Result<Self> {
        let manifest = Manifest::read(path)?;
        let values = variables::resolve(&manifest, loader.environment)?;
        let mut templates: Vec<Arc<InstanceTemplate>> = Vec::new();
        for (id, description) in &manifest.component {
            let variables = variables::expand(&manifest, id, description, &values)?;
            let allowed_hosts = variables::allowed_hosts(&manifest, id, description, &values)?;
            let adapter = loader.adapters.get(id).cloned().ok_or_else(|| {
                manifest.invalid(format!(
                    "component `{id}` has no grants: add `[components.{id}]` to adapter.toml"
                ))
            })?;
            let source = manifest.source(id, description)?;
            let pre = loader
                .prepare(&source)
                .with_context(|| format!("component `{id}`"))?;
            templates.push(Arc::new(InstanceTemplate {
                id: id.as_str().into(),
                pre,
                adapter,
                variables: Arc::new(variables),
                environment: description.environment.clone().into_iter().collect(),
                allowed_hosts: Arc::new(allowed_hosts),
                settings: loader.settings.clone(),
                stopping: loader.stopping.clone(),
            }));
        }
        let number = |id: &str| templates.iter().position(|template| *template.id == *id);
        let router = Arc::new(Router::new(&manifest, number)?);
        Ok(Self { router, templates })
    }

    /// The application on the serving thread `thread`, which has its own instances.
    pub(super) fn on_thread(&self, thread: usize) -> ThreadApplication {
        let components = self
            .templates
            .iter()
            .cloned()
            .map(|template| Component::new(template, thread))
            .collect();
        ThreadApplication {
            router: self.router.clone(),
            components,
        }
    }
}

impl ThreadApplication {
    /// The component that handles `path`.
    pub(super) fn find(&self, path: &str) -> Option<&Component> {
        self.components.get(self.router.find(path)?)
    }
}

impl Loader<'_> {
    fn prepare(&mut self, source: &Path) -> anyhow::Result<ServicePre<State>> {
        let key = source.canonicalize().with_context(|| {
            format!(
                "`{}` was not found; build the components first with `./dev build` or `spin build`",
                source.display()
            )
        })?;
        if !self.compiled.contains_key(&key) {
            let component = wasmtime::component::Component::from_file(self.engine, &key)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("compiling `{}`", key.display()))?;
            self.compiled.insert(key.clone(), component);
        }
        let component = self
            .compiled
            .get(&key)
            .context("the compiled component is missing")?;
        let pre = self
            .linker
            .instantiate_pre(component)
            .map_err(anyhow::Error::from)
            .context("linking the component")?;
        ServicePre::new(pre)
            .map_err(anyhow::Error::from)
            .context("the component does not export `wasi:http/handler@0.3.0`")
    }
}
