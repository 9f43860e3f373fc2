//! Doc comments and examples, for the API reference.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Field, Lit, Meta, Result};

/// A doc comment as one paragraph.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else {
            return None;
        };
        match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(line),
                ..
            }) if meta.path.is_ident("doc") => Some(line.value().trim().to_owned()),
            _ => None,
        }
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    // Links between items mean nothing to clients.
    text.replace("[`", "`").replace("`]", "`").trim().to_owned()
}

/// The calls that give a property its description and its example.
pub(crate) fn calls(field: &Field) -> Result<TokenStream> {
    let text = text(&field.attrs);
    let mut calls = quote!(.described(#text));
    let example = field
        .attrs
        .iter()
        .find(|attribute| attribute.path().is_ident("example"));
    if let Some(example) = example {
        let example: Expr = example.parse_args()?;
        calls.extend(quote!(.example(#example)));
    }
    Ok(calls)
}
