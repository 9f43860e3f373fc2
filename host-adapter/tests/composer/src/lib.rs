//! Composes a component as Spin does for `[component.X.dependencies] "spindle:adapter"`, with the
//! library that Spin's crate `spin-compose` uses.

use anyhow::Context as _;
use wac_graph::{
    CompositionGraph, EncodeOptions, NodeId,
    types::{Package, WorldId},
};

/// The package that adapter-client provides.
const PACKAGE: &str = "spindle:adapter";

/// Composes `client` into `component`. One instance of the client provides all interfaces of the
/// package that the component imports.
///
/// # Errors
///
/// An argument is not a component, or the client does not export an imported interface.
pub fn compose(component: Vec<u8>, client: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let (world, component) = register(&mut graph, "component", component)?;
    let (_, client) = register(&mut graph, PACKAGE, client)?;
    let imports: Vec<String> = graph.types()[world].imports.keys().cloned().collect();
    for name in imports.iter().filter(|name| is_adapter_interface(name)) {
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

fn is_adapter_interface(import: &str) -> bool {
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
