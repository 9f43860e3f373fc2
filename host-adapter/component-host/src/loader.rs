//! Makes instance templates from manifests and `.wasm` files.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::SystemTime,
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, component::Linker};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::{
    Adapters, Environment, HostSettings,
    component::InstanceTemplate,
    cors::Cors,
    engine,
    manifest::{Component, Manifest, ManifestError},
    outbound::AllowedHosts,
    seats::Seats,
    state::State,
    variables,
};
use adapter_contract::Adapter;

/// The largest `.wasm` file, in bytes. It is a hundred times what our components take, and keeps a wrong
/// path from filling the memory.
const MAX_FILE: u64 = 256 << 20;

/// How WebAssembly begins, and how a component goes on.
const MAGIC: &[u8] = b"\0asm";
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];

/// What all loads of a process share.
pub(super) struct Loader {
    engine: Engine,
    linker: Linker<State>,
    pub(super) settings: HostSettings,
    pub(super) stopping: CancellationToken,
    environment: Environment,
    pub(super) seats: Arc<Seats>,
    /// The limits of calls in flight, by component. They stay when a component is replaced.
    calls: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

/// One load of applications. They share what it has read and compiled.
pub(super) struct Load<'a> {
    loader: &'a Loader,
    adapters: &'a Adapters,
    /// By path.
    files: HashMap<PathBuf, File>,
    /// By digest.
    compiled: HashMap<Arc<str>, wasmtime::component::Component>,
}

/// The contents of a `.wasm` file.
#[derive(Clone)]
struct File {
    path: PathBuf,
    bytes: Arc<[u8]>,
    digest: Arc<str>,
}

/// Everything that a component's template is made from.
pub(super) struct Plan {
    id: Arc<str>,
    file: File,
    adapter: Arc<dyn Adapter>,
    variables: HashMap<String, String>,
    environment: HashMap<String, String>,
    allowed_hosts: AllowedHosts,
}

impl Loader {
    pub(super) fn new(settings: &HostSettings, environment: Environment) -> anyhow::Result<Self> {
        let engine = engine::engine(settings)?;
        Ok(Self {
            linker: engine::linker(&engine)?,
            engine,
            settings: settings.clone(),
            stopping: CancellationToken::new(),
            environment,
            seats: Seats::new(settings.max_instances),
            calls: Mutex::default(),
        })
    }

    fn calls_of(&self, component: &Arc<str>) -> Arc<Semaphore> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = || Arc::new(Semaphore::new(self.settings.max_calls));
        calls.entry(component.clone()).or_insert_with(limit).clone()
    }

    /// Begins to load. `adapters` are those of the components, by id.
    pub(super) fn load<'a>(&'a self, adapters: &'a Adapters) -> Load<'a> {
        Load {
            loader: self,
            adapters,
            files: HashMap::new(),
            compiled: HashMap::new(),
        }
    }
}

impl Load<'_> {
    /// The application's variables.
    pub(super) fn variables(
        &self,
        manifest: &Manifest,
    ) -> Result<BTreeMap<String, String>, ManifestError> {
        variables::resolve(manifest, &*self.loader.environment)
    }

    /// Reads what the template of a component is made from. `values` are the application's variables.
    pub(super) fn plan(
        &mut self,
        manifest: &Manifest,
        id: &str,
        description: &Component,
        values: &BTreeMap<String, String>,
    ) -> anyhow::Result<Plan> {
        let variables = variables::expand(manifest, id, description, values)?;
        let allowed_hosts = variables::allowed_hosts(manifest, id, description, values)?;
        let adapter = self.adapters.get(id).cloned().ok_or_else(|| {
            manifest.invalid(format!(
                "component `{id}` has no grants: add `[components.{id}]` to adapter.toml"
            ))
        })?;
        let source = manifest.source(id, description)?;
        let file = self.file(&source);
        Ok(Plan {
            id: id.into(),
            file: file.with_context(|| format!("component `{id}`"))?,
            adapter,
            variables,
            environment: description.environment.clone().into_iter().collect(),
            allowed_hosts,
        })
    }

    /// Compiles and links the component, unless this load has done so already.
    pub(super) fn template(&mut self, plan: Plan) -> anyhow::Result<Arc<InstanceTemplate>> {
        let pre = self.pre(&plan.file)?;
        Ok(Arc::new(InstanceTemplate {
            calls: self.loader.calls_of(&plan.id),
            seats: self.loader.seats.clone(),
            id: plan.id,
            pre,
            adapter: plan.adapter,
            cors: Cors::new(|name| plan.variables.get(name)),
            variables: Arc::new(plan.variables),
            environment: plan.environment,
            allowed_hosts: Arc::new(plan.allowed_hosts),
            settings: self.loader.settings.clone(),
            stopping: self.loader.stopping.clone(),
            path: plan.file.path,
            digest: plan.file.digest,
            since: SystemTime::now(),
            version: OnceLock::new(),
            failure: watch::Sender::default(),
        }))
    }

    fn pre(&mut self, file: &File) -> anyhow::Result<ServicePre<State>> {
        let Loader { engine, linker, .. } = self.loader;
        let component = match self.compiled.get(&file.digest) {
            Some(component) => component.clone(),
            None => wasmtime::component::Component::new(engine, &file.bytes)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("compiling `{}`", file.path.display()))?,
        };
        self.compiled.insert(file.digest.clone(), component.clone());
        let pre = linker
            .instantiate_pre(&component)
            .map_err(anyhow::Error::from)
            .context("linking the component")?;
        ServicePre::new(pre)
            .map_err(anyhow::Error::from)
            .context("the component does not export `wasi:http/handler@0.3.0`")
    }

    fn file(&mut self, source: &Path) -> anyhow::Result<File> {
        let path = source.canonicalize().with_context(|| {
            format!(
                "`{}` was not found; build the components first with `./dev build` or `spin build`",
                source.display()
            )
        })?;
        if let Some(file) = self.files.get(&path) {
            return Ok(file.clone());
        }
        let file = File::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
        self.files.insert(path, file.clone());
        Ok(file)
    }
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let length = std::fs::metadata(path)?.len();
        anyhow::ensure!(
            length <= MAX_FILE,
            "it is larger than {} MiB",
            MAX_FILE >> 20
        );
        let bytes = std::fs::read(path)?;
        anyhow::ensure!(bytes.starts_with(MAGIC), "it is not WebAssembly");
        anyhow::ensure!(
            bytes
                .get(MAGIC.len()..)
                .is_some_and(|rest| rest.starts_with(COMPONENT)),
            "it is a WebAssembly module and not a component; build it for `wasm32-wasip2`"
        );
        Ok(Self {
            path: path.to_owned(),
            digest: hex::encode(Sha256::digest(&bytes)).into(),
            bytes: bytes.into(),
        })
    }
}

impl Plan {
    /// Whether `template` was made from the same.
    pub(super) fn made(&self, template: &InstanceTemplate) -> bool {
        self.file.digest == template.digest
            && self.file.path == template.path
            && self.variables == *template.variables
            && self.environment == template.environment
            && self.allowed_hosts == *template.allowed_hosts
            && Arc::ptr_eq(&self.adapter, &template.adapter)
    }
}
