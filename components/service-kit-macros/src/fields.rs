//! The named fields of a struct.

use syn::{Data, DeriveInput, Error, Field, Fields, Result, spanned::Spanned as _};

/// The fields, or an error at the type's name that says which types the derive supports.
pub(crate) fn named<'a>(input: &'a DeriveInput, derive: &str) -> Result<Vec<&'a Field>> {
    let unsupported = |span| {
        let message = format!("`{derive}` can be derived for structs with named fields only");
        Err(Error::new(span, message))
    };
    if let Some(parameter) = input.generics.params.first() {
        let message = format!("`{derive}` cannot be derived for a type with parameters");
        return Err(Error::new(parameter.span(), message));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().collect()),
            _ => unsupported(input.ident.span()),
        },
        _ => unsupported(input.ident.span()),
    }
}
