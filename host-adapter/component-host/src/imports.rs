//! What a component imports and provides of `spindle:adapter`, read from its file without compiling it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Context as _;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, InstanceTypeDeclaration, Parser, Payload,
};

/// The package whose interfaces are reported.
const PACKAGE: &str = "spindle:adapter/";

/// Size limit of a component's file, in bytes. The services have about 1 MiB.
const MAX_BYTES: u64 = 256 << 20;

/// The interfaces of `spindle:adapter` that a component imports, and those that it provides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// The names of the imported functions, by interface, such as `fetch` of `postgres`.
    pub functions: BTreeMap<String, BTreeSet<String>>,
    /// The versions of the package that the imports name. More than one if a dependency was built for
    /// another version.
    pub versions: BTreeSet<String>,
    /// The versions of the package that the component provides to others, as adapter-client does.
    pub provided_versions: BTreeSet<String>,
}

impl Imports {
    /// Reads the imports of the component in the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is larger than 256 MiB, or is not a component.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("reading `{}`", path.display());
        let size = path.metadata().with_context(context)?.len();
        anyhow::ensure!(
            size <= MAX_BYTES,
            "`{}` is larger than {MAX_BYTES} bytes",
            path.display()
        );
        Self::parse(&std::fs::read(path).with_context(context)?).with_context(context)
    }

    /// Whether the component imports this function.
    #[must_use]
    pub fn has(&self, interface: &str, function: &str) -> bool {
        let functions = self.functions.get(interface);
        functions.is_some_and(|functions| functions.contains(function))
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        anyhow::ensure!(
            Parser::is_component(bytes),
            "it is not a WebAssembly component"
        );
        let mut reader = Reader::default();
        // Modules and components in the component have imports of their own, which do not count.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload if depth == 1 => reader.section(payload)?,
                _ => {}
            }
        }
        Ok(reader.imports)
    }

    fn add_export(&mut self, name: &str) {
        let name = name.strip_prefix(PACKAGE);
        let version = name.and_then(|name| name.split_once('@'));
        self.provided_versions
            .extend(version.map(|(_, version)| version.to_owned()));
    }

    fn add(&mut self, name: &str, functions: &BTreeSet<String>) {
        let Some(name) = name.strip_prefix(PACKAGE) else {
            return;
        };
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let imported = self.functions.entry(interface.to_owned()).or_default();
        imported.extend(functions.iter().cloned());
        self.versions.insert(version.to_owned());
    }
}

/// Reads the sections of the outermost component in order, because imports refer to types by index.
#[derive(Default)]
struct Reader {
    /// The index space of types: the functions of an instance type, and nothing for other types.
    types: Vec<BTreeSet<String>>,
    imports: Imports,
}

impl Reader {
    fn section(&mut self, payload: Payload<'_>) -> anyhow::Result<()> {
        match payload {
            Payload::ComponentTypeSection(section) => {
                for entry in section {
                    self.types.push(functions(&entry?));
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.skip_type(is_type_alias(&alias?));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.skip_type(export.kind == ComponentExternalKind::Type);
                    self.imports.add_export(export.name.name);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    self.import(import.name.name, import.ty);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, name: &str, ty: ComponentTypeRef) {
        match ty {
            ComponentTypeRef::Instance(index) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                let functions = self.types.get(index).cloned().unwrap_or_default();
                self.imports.add(name, &functions);
            }
            ComponentTypeRef::Type(_) => self.skip_type(true),
            _ => {}
        }
    }

    /// Counts a type that is not an instance type with functions.
    fn skip_type(&mut self, is_type: bool) {
        if is_type {
            self.types.push(BTreeSet::new());
        }
    }
}

/// The names of the functions that instances of this type export.
fn functions(ty: &ComponentType<'_>) -> BTreeSet<String> {
    let ComponentType::Instance(declarations) = ty else {
        return BTreeSet::new();
    };
    let names = declarations
        .iter()
        .filter_map(|declaration| match declaration {
            InstanceTypeDeclaration::Export {
                name,
                ty: ComponentTypeRef::Func(_),
            } => Some(name.name.to_owned()),
            _ => None,
        });
    names.collect()
}

fn is_type_alias(alias: &ComponentAlias<'_>) -> bool {
    matches!(
        alias,
        ComponentAlias::InstanceExport {
            kind: ComponentExternalKind::Type,
            ..
        } | ComponentAlias::Outer {
            kind: ComponentOuterAliasKind::Type,
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_module_is_not_a_component() {
        let error = Imports::parse(b"\0asm\x01\0\0\0").expect_err("a module");
        assert!(error.to_string().contains("not a WebAssembly component"));
        assert!(Imports::parse(b"text").is_err());
    }
}
