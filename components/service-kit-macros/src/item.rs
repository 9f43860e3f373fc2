//! `#[derive(Item)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Field, Result};

use crate::fields;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let fields = fields::named(input, "Item")?;
    let time = |field: &&&Field| field.attrs.iter().any(|a| a.path().is_ident("at"));
    let marked: Vec<_> = fields.iter().filter(time).collect();
    let [field] = marked.as_slice() else {
        return Err(Error::new(
            name.span(),
            "mark the one field that the list is ordered by with `#[at]`",
        ));
    };
    let at = &field.ident;
    Ok(quote! {
        impl ::service_kit::page::Item for #name {
            fn cursor(&self) -> ::service_kit::page::Cursor {
                ::service_kit::page::Cursor { at: self.#at, id: self.id }
            }
        }
    })
}
