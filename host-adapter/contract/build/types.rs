//! Generates the types of an interface.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use wit_parser::{Enum, Record, Resolve, Type, TypeDef, TypeDefKind, TypeOwner, Variant};

use super::{Module, camel, docs, functions, snake};

/// The Rust module of an interface: its types and the trait with its functions.
pub(crate) fn module(module: &Module<'_>) -> anyhow::Result<String> {
    let mut body = docs(&module.interface.docs).replace("#[doc", "#![doc");
    for id in module.interface.types.values() {
        let definition = module.resolve.types.get(*id).context("a type is missing")?;
        body.push_str(&docs(&definition.docs));
        body.push_str(&generate_type(module.resolve, definition)?);
    }
    body.push_str(&functions::interface(module)?);
    Ok(format!("pub mod {} {{\n{body}}}\n\n", snake(module.name)))
}

fn generate_type(resolve: &Resolve, definition: &TypeDef) -> anyhow::Result<String> {
    let name = definition.name.as_deref().context("a type has no name")?;
    match &definition.kind {
        TypeDefKind::Record(record) => generate_record(resolve, name, record),
        TypeDefKind::Variant(variant) => generate_variant(resolve, name, variant),
        TypeDefKind::Enum(cases) => Ok(generate_enum(name, cases)),
        TypeDefKind::Type(Type::Id(used)) => generate_use(resolve, name, resolve.types.get(*used)),
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

/// A type of another interface.
fn generate_use(resolve: &Resolve, name: &str, used: Option<&TypeDef>) -> anyhow::Result<String> {
    let used = used.context("a type is missing")?;
    let TypeOwner::Interface(owner) = used.owner else {
        bail!("`{name}` is of no interface");
    };
    let owner = resolve
        .interfaces
        .get(owner)
        .and_then(|owner| owner.name.as_deref());
    let (owner, used) = owner
        .zip(used.name.as_deref())
        .context("a used type has no name")?;
    let (owner, used, name) = (snake(owner), camel(used), camel(name));
    Ok(format!("pub use super::{owner}::{used} as {name};\n"))
}

fn generate_record(resolve: &Resolve, name: &str, record: &Record) -> anyhow::Result<String> {
    let all = |has: fn(&Resolve, &Type) -> bool| {
        record.fields.iter().all(|field| has(resolve, &field.ty))
    };
    let derives = [("Default", all(has_default)), ("Eq", all(has_equality))];
    let mut text = attributes("record", &derives) + &format!("pub struct {} {{\n", camel(name));
    for field in &record.fields {
        let ty = rust(resolve, &field.ty, "")?;
        writeln!(
            text,
            "{}{}pub {}: {ty},",
            docs(&field.docs),
            wit_name(&field.name),
            snake(&field.name)
        )?;
    }
    Ok(text + "}\n")
}

fn generate_variant(resolve: &Resolve, name: &str, variant: &Variant) -> anyhow::Result<String> {
    let derives = [("Eq", cases_have_equality(resolve, variant))];
    let mut text = attributes("variant", &derives) + &format!("pub enum {} {{\n", camel(name));
    for case in &variant.cases {
        write!(
            text,
            "{}{}{}",
            docs(&case.docs),
            wit_name(&case.name),
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
        text.push_str(UNAVAILABLE);
    }
    Ok(text)
}

fn generate_enum(name: &str, cases: &Enum) -> String {
    let derives = [("Copy", true), ("Eq", true)];
    let mut text =
        attributes("enum", &derives) + &format!("#[repr(u8)]\npub enum {} {{\n", camel(name));
    for case in &cases.cases {
        text += &format!(
            "{}{}{},\n",
            docs(&case.docs),
            wit_name(&case.name),
            camel(&case.name)
        );
    }
    text + "}\n"
}

/// Every `error` has the case `unavailable` with a reason; one without it does not compile.
const UNAVAILABLE: &str = "impl crate::Unavailable for Error {\n\
     fn unavailable(reason: &str) -> Self {\nSelf::Unavailable(reason.to_owned())\n}\n}\n";

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

/// The attributes of a type. `derives` lists the traits that only some types of this kind can derive,
/// and whether this type can.
fn attributes(kind: &str, derives: &[(&str, bool)]) -> String {
    let derives = derives.iter().filter(|(_, possible)| *possible);
    let further: String = derives.map(|(name, _)| format!(", {name}")).collect();
    format!(
        "#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize{further})]\n\
         #[cfg_attr(feature = \"component\", derive(wasmtime::component::ComponentType, \
         wasmtime::component::Lift, wasmtime::component::Lower), component({kind}))]\n"
    )
}

/// Whether a type has a default value. Types with cases have none.
fn has_default(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return true };
    resolve
        .types
        .get(*id)
        .is_some_and(|definition| match &definition.kind {
            TypeDefKind::Option(_) | TypeDefKind::List(_) => true,
            TypeDefKind::Type(ty) => has_default(resolve, ty),
            TypeDefKind::Record(record) => record
                .fields
                .iter()
                .all(|field| has_default(resolve, &field.ty)),
            _ => false,
        })
}

/// Whether a type can derive `Eq`. Types with floats cannot.
fn has_equality(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else {
        return !matches!(ty, Type::F32 | Type::F64);
    };
    resolve
        .types
        .get(*id)
        .is_some_and(|definition| match &definition.kind {
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => {
                has_equality(resolve, ty)
            }
            TypeDefKind::Record(record) => record
                .fields
                .iter()
                .all(|field| has_equality(resolve, &field.ty)),
            TypeDefKind::Variant(variant) => cases_have_equality(resolve, variant),
            TypeDefKind::Tuple(tuple) => tuple.types.iter().all(|ty| has_equality(resolve, ty)),
            TypeDefKind::Enum(_) => true,
            _ => false,
        })
}

fn cases_have_equality(resolve: &Resolve, variant: &Variant) -> bool {
    let types = variant.cases.iter().filter_map(|case| case.ty.as_ref());
    types.into_iter().all(|ty| has_equality(resolve, ty))
}

fn wit_name(name: &str) -> String {
    format!("#[cfg_attr(feature = \"component\", component(name = \"{name}\"))]\n")
}

/// The Rust form of a type. `path` is the prefix for the names of the interface's types.
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
