//! What Spin does with `[component.X.dependencies] "spindle:adapter"` when it loads an application,
//! with the library that it does it with (its crate `spin-compose`).

use anyhow::Context as _;
use wac_graph::{
    CompositionGraph, EncodeOptions, NodeId,
    types::{Package, WorldId},
};

/// The package that adapter-client provides.
const PACKAGE: &str = "spindle:adapter";

/// `component` with `client` in it: one instance, for all interfaces of the package that the
/// component imports.
///
/// # Errors
///
/// One of them is no component, or the client lacks what the component imports.
pub fn compose(component: Vec<u8>, client: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let (world, component) = register(&mut graph, "component", component)?;
    let (_, client) = register(&mut graph, PACKAGE, client)?;
    let imports: Vec<String> = graph.types()[world].imports.keys().cloned().collect();
    for name in imports.iter().filter(|name| is_ours(name)) {
        let export = graph.alias_instance_export(client, name)?;
        graph.set_instantiation_argument(component, name, export)?;
    }
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for name in exports {
        let export = graph.alias_instance_export(component, &name)?;
        graph.export(export, &name)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}

fn is_ours(import: &str) -> bool {
    import
        .strip_prefix(PACKAGE)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn register(
    graph: &mut CompositionGraph,
    name: &str,
    bytes: Vec<u8>,
) -> anyhow::Result<(WorldId, NodeId)> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())
        .with_context(|| format!("`{name}` is not a component"))?;
    let world = package.ty();
    let package = graph.register_package(package)?;
    Ok((world, graph.instantiate(package)))
}
