//! The types of an interface.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use wit_parser::{Enum, Record, Resolve, Type, TypeDef, TypeDefKind, Variant};

use super::{Module, camel, docs, functions, snake};

/// The Rust module of an interface: its types and the trait with its functions.
pub(crate) fn module(module: &Module<'_>) -> anyhow::Result<String> {
    let mut body = docs(&module.interface.docs).replace("#[doc", "#![doc");
    for id in module.interface.types.values() {
        let definition = module.resolve.types.get(*id).context("a type is missing")?;
        body.push_str(&docs(&definition.docs));
        body.push_str(&definition_of(module.resolve, definition)?);
    }
    body.push_str(&functions::interface(module)?);
    Ok(format!("pub mod {} {{\n{body}}}\n\n", snake(module.name)))
}

fn definition_of(resolve: &Resolve, definition: &TypeDef) -> anyhow::Result<String> {
    let name = definition.name.as_deref().context("a type has no name")?;
    match &definition.kind {
        TypeDefKind::Record(record) => record_of(resolve, name, record),
        TypeDefKind::Variant(variant) => variant_of(resolve, name, variant),
        TypeDefKind::Enum(cases) => Ok(enum_of(name, cases)),
        TypeDefKind::Type(ty) => Ok(format!(
            "pub type {} = {};\n",
            camel(name),
            rust(resolve, ty, "")?
        )),
        TypeDefKind::List(ty) => Ok(format!(
            "pub type {} = Vec<{}>;\n",
            camel(name),
            rust(resolve, ty, "")?
        )),
        other => bail!(
            "`{name}` is a {}, which the contract does not use yet",
            other.as_str()
        ),
    }
}

fn record_of(resolve: &Resolve, name: &str, record: &Record) -> anyhow::Result<String> {
    let plain = record
        .fields
        .iter()
        .all(|field| is_plain(resolve, &field.ty));
    let further: &[&str] = if plain { &["Default", "Eq"] } else { &[] };
    let mut text = attributes("record", further) + &format!("pub struct {} {{\n", camel(name));
    for field in &record.fields {
        let ty = rust(resolve, &field.ty, "")?;
        write!(
            text,
            "{}{}pub {}: {ty},\n",
            docs(&field.docs),
            named(&field.name),
            snake(&field.name)
        )?;
    }
    Ok(text + "}\n")
}

fn variant_of(resolve: &Resolve, name: &str, variant: &Variant) -> anyhow::Result<String> {
    let mut text = attributes("variant", &[]) + &format!("pub enum {} {{\n", camel(name));
    for case in &variant.cases {
        write!(
            text,
            "{}{}{}",
            docs(&case.docs),
            named(&case.name),
            camel(&case.name)
        )?;
        if let Some(ty) = &case.ty {
            write!(text, "({})", rust(resolve, ty, "")?)?;
        }
        text.push_str(",\n");
    }
    text.push_str("}\n");
    if name == "error" {
        let cases = variant
            .cases
            .iter()
            .map(|case| (case.name.as_str(), case.ty.is_some()));
        text.push_str(&outcome(cases));
    }
    Ok(text)
}

fn enum_of(name: &str, cases: &Enum) -> String {
    let mut text = attributes("enum", &["Copy", "Eq"])
        + &format!("#[repr(u8)]\npub enum {} {{\n", camel(name));
    for case in &cases.cases {
        text += &format!(
            "{}{}{},\n",
            docs(&case.docs),
            named(&case.name),
            camel(&case.name)
        );
    }
    text + "}\n"
}

fn outcome<'a>(cases: impl Iterator<Item = (&'a str, bool)>) -> String {
    let arms: String = cases
        .map(|(name, value)| {
            let pattern = if value { "(_)" } else { "" };
            format!("Self::{}{pattern} => \"{name}\",\n", camel(name))
        })
        .collect();
    format!(
        "impl crate::Outcome for Error {{\nfn outcome(&self) -> &'static str {{\nmatch self {{\n{arms}}}\n}}\n}}\n"
    )
}

fn attributes(kind: &str, further: &[&str]) -> String {
    let further: String = further.iter().map(|name| format!(", {name}")).collect();
    format!(
        "#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize{further})]\n\
         #[cfg_attr(feature = \"component\", derive(wasmtime::component::ComponentType, \
         wasmtime::component::Lift, wasmtime::component::Lower), component({kind}))]\n"
    )
}

/// Whether a type needs no definition of its own, so that it has a default value and equality.
fn is_plain(resolve: &Resolve, ty: &Type) -> bool {
    match ty {
        Type::F64 => false,
        Type::Id(id) => resolve
            .types
            .get(*id)
            .is_some_and(|definition| match &definition.kind {
                TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => {
                    is_plain(resolve, ty)
                }
                _ => false,
            }),
        _ => true,
    }
}

fn named(name: &str) -> String {
    format!("#[cfg_attr(feature = \"component\", component(name = \"{name}\"))]\n")
}

/// A type as Rust writes it. `path` comes before the names of types of the interface.
pub(crate) fn rust(resolve: &Resolve, ty: &Type, path: &str) -> anyhow::Result<String> {
    Ok(match ty {
        Type::Bool => "bool".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::S64 => "i64".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::String => "String".to_owned(),
        Type::Id(id) => {
            let definition = resolve.types.get(*id).context("a type is missing")?;
            match &definition.name {
                Some(name) => format!("{path}{}", camel(name)),
                None => anonymous(resolve, &definition.kind, path)?,
            }
        }
        other => bail!("the contract does not use {other:?} yet"),
    })
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind, path: &str) -> anyhow::Result<String> {
    let inner = |ty: &Type| rust(resolve, ty, path);
    let or_unit = |ty: &Option<Type>| ty.as_ref().map_or(Ok("()".to_owned()), inner);
    Ok(match kind {
        TypeDefKind::Option(ty) => format!("Option<{}>", inner(ty)?),
        TypeDefKind::List(ty) => format!("Vec<{}>", inner(ty)?),
        TypeDefKind::Result(result) => {
            format!(
                "Result<{}, {}>",
                or_unit(&result.ok)?,
                or_unit(&result.err)?
            )
        }
        TypeDefKind::Tuple(tuple) => {
            let types = tuple
                .types
                .iter()
                .map(inner)
                .collect::<Result<Vec<_>, _>>()?;
            format!("({},)", types.join(", "))
        }
        other => bail!("the contract does not use a {} yet", other.as_str()),
    })
}
