//! Generates Rust from `wit/`. `src/lib.rs` describes the result.

mod functions;
mod types;

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;
use wit_parser::{Interface, InterfaceId, Resolve, WorldItem};

/// The world that imports every interface.
const WORLD: &str = "service";

/// The interfaces that every host implements itself. They are not part of the adapter.
const LOCAL: [&str; 2] = ["context", "http"];

/// The package of the adapter. The world also imports types of WASI.
const PACKAGE: &str = "spindle:adapter/";

/// One interface and its Rust module.
pub(crate) struct Module<'a> {
    pub(crate) resolve: &'a Resolve,
    pub(crate) interface: &'a Interface,
    /// The interface's name in WIT, which is also the module's name.
    pub(crate) name: &'a str,
    /// The name with the package and its version, such as `spindle:adapter/postgres@0.1.0`.
    pub(crate) qualified: String,
}

#[expect(
    clippy::print_stdout,
    reason = "cargo reads what a build script prints"
)]
fn main() -> anyhow::Result<()> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let wit = manifest.join("../../wit");
    println!("cargo::rerun-if-changed={}", wit.display());
    println!("cargo::rerun-if-changed=build");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&wit)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let world = resolve.worlds.get(world).context("the world is missing")?;
    let modules = world
        .imports
        .values()
        .filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some(module(&resolve, *id)),
            _ => None,
        })
        .filter(|module| !matches!(module, Ok(module) if !is_of_adapter(module)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let version = resolve
        .packages
        .get(package)
        .and_then(|p| p.name.version.as_ref());
    let version = version.context("the package has no version")?;
    let mut source = format!(
        "/// The version of the WIT package.\npub const VERSION: &str = \"{version}\";\n\n"
    );
    for module in &modules {
        source.push_str(&types::module(module)?);
    }
    source.push_str(&functions::all(&modules)?);
    source.push_str(&fingerprint(&source));
    let output = PathBuf::from(env::var("OUT_DIR")?).join("contract.rs");
    fs::write(output, source)?;
    Ok(())
}

/// A constant that is another one when a function or a type is. Comments do not count. The hash is FNV-1a, because
/// that of the standard library may change with the compiler, and the two sides may have different ones.
fn fingerprint(source: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let code = source.lines().filter(|line| {
        let line = line.trim_start();
        !["#[doc", "#![doc", "///"]
            .iter()
            .any(|comment| line.starts_with(comment))
    });
    for byte in code.flat_map(str::bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!(
        "/// Identifies the functions and types of this build. Builds with the same number can read each other's \
         values without the names of fields.\npub const TYPES: u64 = {hash:#x};\n"
    )
}

fn is_of_adapter(module: &Module<'_>) -> bool {
    module.qualified.starts_with(PACKAGE) && !LOCAL.contains(&module.name)
}

fn module(resolve: &Resolve, id: InterfaceId) -> anyhow::Result<Module<'_>> {
    let interface = resolve
        .interfaces
        .get(id)
        .context("the interface is missing")?;
    Ok(Module {
        resolve,
        interface,
        name: interface
            .name
            .as_deref()
            .context("an interface has no name")?,
        qualified: resolve.id_of(id).context("an interface has no package")?,
    })
}

/// A WIT name in snake case, for fields and functions.
pub(crate) fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// A WIT name in upper camel case, for types and variants.
pub(crate) fn camel(name: &str) -> String {
    name.split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
        })
        .collect()
}

/// The documentation of an item, as `doc` attributes with the unchanged text.
pub(crate) fn docs(docs: &wit_parser::Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default();
    text.lines()
        .map(|line| format!("#[doc = {:?}]\n", format!(" {line}")))
        .collect()
}
