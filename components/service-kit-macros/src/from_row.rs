//! `#[derive(FromRow)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Result};

use crate::fields;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let fields = fields::named(input, "FromRow")?.into_iter().map(|field| {
        let field = field.ident.as_ref();
        let column = field.map(|field| field.unraw().to_string());
        quote!(#field: row.column(#column)?)
    });
    Ok(quote! {
        impl ::service_kit::sql::FromRow for #name {
            fn from_row(
                row: &mut ::service_kit::sql::Row<'_>,
            ) -> ::core::result::Result<Self, ::service_kit::Failure> {
                ::core::result::Result::Ok(Self { #(#fields),* })
            }
        }
    })
}
