//! The application as it is on stock Spin: adapter-client composed into each component, as Spin
//! does it and with the library that Spin does it with, and the adapter in a process of its own.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use toml::{Table, Value};
use wac_graph::{
    CompositionGraph, NodeId,
    types::{Package, WorldId},
};

use super::wasm;

/// The package that adapter-client takes the place of.
const PACKAGE: &str = "spindle:adapter/";

/// A project whose components are composed. They call the adapter at `adapter`, each with its token.
pub(crate) fn project(original: &Path, adapter: &str, tokens: &HashMap<String, String>) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = read(&original.join("adapter.toml"));
    write(&directory.path().join("adapter.toml"), &ungranted(settings));
    let mut manifests = vec![PathBuf::from("spin.toml")];
    for name in tokens.keys() {
        let manifest = Path::new("components").join(name).join("spin.toml");
        if original.join(&manifest).exists() {
            manifests.push(manifest);
        }
    }
    for manifest in manifests {
        let (from, to) = (original.join(&manifest), directory.path().join(&manifest));
        write(&to, &composed(&from, adapter, tokens));
    }
    directory
}

/// Names of components in a project's settings.
pub(crate) fn components(project: &Path) -> Vec<String> {
    let settings = read(&project.join("adapter.toml"));
    let components = settings.get("components").and_then(Value::as_table);
    components.map_or_else(Vec::new, |table| table.keys().cloned().collect())
}

/// Settings by which the host itself gives the components nothing.
fn ungranted(settings: Table) -> Table {
    let mut kept = Table::new();
    for (section, mut value) in settings {
        match section.as_str() {
            "components" => {
                for (_, grants) in value.as_table_mut().expect("components") {
                    *grants = Value::Table(Table::new());
                }
            }
            "listen" | "host" => {}
            _ => continue,
        }
        kept.insert(section, value);
    }
    kept
}

/// A manifest after what Spin does with its dependencies.
fn composed(path: &Path, adapter: &str, tokens: &HashMap<String, String>) -> Table {
    let mut manifest = read(path);
    let components = manifest["component"].as_table_mut().expect("components");
    for (name, component) in components {
        let component = component.as_table_mut().expect("a component");
        let source = component["source"].as_str().expect("a path");
        let source = compose(&path.parent().expect("a directory").join(source));
        component.insert("source".into(), source.display().to_string().into());
        component.remove("dependencies");
        component.insert("allowed_outbound_hosts".into(), vec![adapter].into());
        let variables = component
            .entry("variables")
            .or_insert_with(|| Value::Table(Table::new()));
        let variables = variables.as_table_mut().expect("variables");
        variables.insert("adapter_url".into(), adapter.into());
        variables.insert(
            "adapter_token".into(),
            tokens[name.as_str()].as_str().into(),
        );
    }
    manifest
}

/// The component at `source` with adapter-client in it, made once per run.
fn compose(source: &Path) -> PathBuf {
    static COMPOSED: OnceLock<Mutex<HashMap<PathBuf, PathBuf>>> = OnceLock::new();
    let source = source.canonicalize().expect("the component is built");
    let mut composed = COMPOSED.get_or_init(Mutex::default).lock().expect("lock");
    let path = composed.entry(source.clone()).or_insert_with(|| {
        let name = source.file_stem().expect("a name").to_string_lossy();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composed");
        std::fs::create_dir_all(&directory).expect("create");
        // Another run may be composing the same; a rename puts it there whole.
        let path = directory.join(format!("{name}-{}.wasm", std::process::id()));
        std::fs::write(&path, encode(&source)).expect("write");
        let to = directory.join(format!("{name}.wasm"));
        std::fs::rename(&path, &to).expect("rename");
        to
    });
    path.clone()
}

/// What Spin's own composer does (its crate `spin-compose`): one instance of the dependency for all
/// interfaces of the package that the component imports.
fn encode(source: &Path) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let (world, component) = register(&mut graph, "component", source);
    let (_, client) = register(&mut graph, "spindle:adapter", &wasm("adapter_client"));
    let names = |map: &mut dyn Iterator<Item = &String>| map.cloned().collect::<Vec<_>>();
    let imports = names(&mut graph.types()[world].imports.keys());
    for name in imports.iter().filter(|name| name.starts_with(PACKAGE)) {
        let export = graph.alias_instance_export(client, name).expect(name);
        graph
            .set_instantiation_argument(component, name, export)
            .expect(name);
    }
    for name in names(&mut graph.types()[world].exports.keys()) {
        let export = graph
            .alias_instance_export(component, &name)
            .expect("export");
        graph.export(export, &name).expect("export");
    }
    graph.encode(Default::default()).expect("it composes")
}

fn register(graph: &mut CompositionGraph, name: &str, path: &Path) -> (WorldId, NodeId) {
    let bytes = std::fs::read(path).expect("a component");
    let package = Package::from_bytes(name, None, bytes, graph.types_mut()).expect("a package");
    let world = package.ty();
    let package = graph.register_package(package).expect("a package");
    (world, graph.instantiate(package))
}

fn read(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).expect("a file");
    text.parse().expect("TOML")
}

fn write(path: &Path, table: &Table) {
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("create");
    std::fs::write(path, table.to_string()).expect("write");
}

/// An address that leads to another one, which is told later: adapter and application each have to
/// know where the other is before it has started.
pub(crate) struct Forward {
    pub(crate) url: String,
    target: Arc<OnceLock<SocketAddr>>,
}

impl Forward {
    pub(crate) fn new() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", socket.local_addr().expect("address"));
        let target = Arc::new(OnceLock::new());
        let to = target.clone();
        // A thread of its own: tests block theirs while they run other commands.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("runtime").block_on(forward(socket, to));
        });
        Self { url, target }
    }

    pub(crate) fn to(&self, url: &str) {
        let address = url.trim_start_matches("http://").parse().expect("address");
        self.target.set(address).expect("set once");
    }
}

async fn forward(socket: std::net::TcpListener, target: Arc<OnceLock<SocketAddr>>) {
    socket.set_nonblocking(true).expect("socket");
    let socket = TcpListener::from_std(socket).expect("socket");
    while let Ok((mut near, _)) = socket.accept().await {
        let target = target.get().copied();
        tokio::spawn(async move {
            // Before it is told, and after the target is gone, connections just close.
            if let Some(target) = target
                && let Ok(mut far) = TcpStream::connect(target).await
            {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
