//! The derives of service-kit. Use them through `service_kit`, which re-exports them.

mod documentation;
mod fields;
mod from_fields;
mod from_row;
mod item;
mod schema;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Reads a row into a struct by column name: each field takes the column of the same name.
///
/// Columns without a field are ignored. Give a column another name with `as` in the statement.
#[proc_macro_derive(FromRow)]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    from_row::derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Reads a request's document or query string into a struct, and reports every invalid field at once.
///
/// Each field has one attribute:
///
/// - `#[rule(…)]`: the rule that its value must satisfy, such as `#[rule(rules::text(1, 100))]`.
///   A rule is a function from a JSON value to `Result<T, Violation>`. A field of type `Option<T>`
///   may be missing or null.
/// - `#[rule(…, default = …)]`: the field may be missing or null. It then has this value.
/// - `#[flatten]`: the field is a group of fields, such as `Period` or `PageRequest`.
///
/// The API reference shows the rule, the doc comment, and the value of `#[example(…)]`.
#[proc_macro_derive(FromFields, attributes(rule, flatten, example))]
pub fn derive_from_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    from_fields::derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Describe a struct as serde writes it, for the API reference.
///
/// It shows the fields' types and doc comments, and the value of `#[example(…)]`. Of serde's
/// attributes it knows `rename`, `skip`, `skip_serializing_if` and `flatten`.
#[proc_macro_derive(Schema, attributes(serde, example))]
pub fn derive_schema(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    schema::derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// List values in pages: the place of an item is its field `id`, a `Uuid`, and the moment in the field
/// that is marked with `#[at]`, by which the list is ordered.
#[proc_macro_derive(Item, attributes(at))]
pub fn derive_item(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    item::derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
