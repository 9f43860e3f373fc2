//! Generates a trait for the functions of each interface, and the list of all functions.

use anyhow::{Context as _, bail};
use wit_parser::{Function, FunctionKind};

use super::{Module, docs, snake, types::rust};

/// The trait with the functions of an interface.
pub(crate) fn interface(module: &Module<'_>) -> anyhow::Result<String> {
    let mut body = String::new();
    for function in module.interface.functions.values() {
        let signature = Signature::of(module, function, "")?;
        let (name, parameters, result) = (
            snake(&function.name),
            signature.typed_parameters(),
            signature.result,
        );
        let parameters = parameters.join(", ");
        body += &docs(&function.docs);
        body += &format!("async fn {name}(&self, {parameters}) -> {result};\n");
    }
    let what = format!("The functions of `{}`.", module.name);
    Ok(format!(
        "#[doc = \" {what}\"]\n#[async_trait::async_trait]\npub trait Functions {{\n{body}}}\n"
    ))
}

/// The trait with every function of the contract, and the macro with the list of them.
pub(crate) fn all(modules: &[Module<'_>]) -> anyhow::Result<String> {
    let mut list = String::new();
    let mut traits = Vec::new();
    for module in modules {
        let name = snake(module.name);
        traits.push(format!("{name}::Functions"));
        list += &format!("{name} \"{}\" {{\n", module.qualified);
        for function in module.interface.functions.values() {
            list += &entry(module, function)?;
        }
        list += "}\n";
    }
    let traits = traits.join(" + ");
    Ok(format!(
        "/// Every function of the contract.\n\
         pub trait Functions: {traits} {{}}\n\
         impl<T: {traits}> Functions for T {{}}\n\n\
         /// Calls the macro `$callback` with the list of all functions, in this form:\n\
         ///\n\
         /// ```text\n\
         /// postgres \"spindle:adapter/postgres@0.1.0\" {{\n\
         ///     fetch \"fetch\" \"postgres/fetch\" \"adapter.postgres.fetch\"\n\
         ///         (sql: String, params: Vec<postgres::Value>) -> Result<…>;\n\
         /// }}\n\
         /// ```\n\
         ///\n\
         /// After the function's Rust name come its name in WIT, its path in the API, and the\n\
         /// name of its span. Types are named by their interface's module.\n\
         #[macro_export]\n\
         macro_rules! functions {{\n($callback:ident) => {{\n$callback! {{\n{list}}}\n}};\n}}\n"
    ))
}

fn entry(module: &Module<'_>, function: &Function) -> anyhow::Result<String> {
    let (interface, name) = (module.name, &function.name);
    let signature = Signature::of(module, function, &format!("{}::", snake(interface)))?;
    let parameters = signature.typed_parameters().join(", ");
    Ok(format!(
        "{rust} \"{name}\" \"{interface}/{name}\" \"adapter.{interface}.{name}\" ({parameters}) -> {result};\n",
        rust = snake(name),
        result = signature.result,
    ))
}

struct Signature {
    parameters: Vec<(String, String)>,
    result: String,
}

impl Signature {
    fn of(module: &Module<'_>, function: &Function, path: &str) -> anyhow::Result<Self> {
        if !matches!(function.kind, FunctionKind::AsyncFreestanding) {
            bail!(
                "`{}.{}` must be an `async func`",
                module.name,
                function.name
            );
        }
        let parameters = function
            .params
            .iter()
            .map(|param| Ok((snake(&param.name), rust(module.resolve, &param.ty, path)?)))
            .collect::<anyhow::Result<_>>()?;
        let result = function
            .result
            .as_ref()
            .with_context(|| format!("`{}.{}` has no result", module.name, function.name))?;
        let result = rust(module.resolve, result, path)?;
        Ok(Self { parameters, result })
    }

    fn typed_parameters(&self) -> Vec<String> {
        self.parameters
            .iter()
            .map(|(name, ty)| format!("{name}: {ty}"))
            .collect()
    }
}
