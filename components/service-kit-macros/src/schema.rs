//! `#[derive(Schema)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::{DeriveInput, Expr, Field, LitStr, Result, Token, parenthesized};

use crate::{documentation, fields};

/// How serde writes a field.
#[derive(Default)]
struct Written {
    name: Option<String>,
    is_skipped: bool,
    may_be_missing: bool,
    is_flat: bool,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let (title, about) = (name.to_string(), documentation::text(&input.attrs));
    let properties = fields::named(input, "Schema")?.into_iter().map(property);
    let properties = properties.collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        impl ::service_kit::openapi::Schema for #name {
            fn schema() -> ::service_kit::openapi::Value {
                let mut properties = ::service_kit::openapi::Properties::default();
                properties.title(#title, #about);
                #(#properties)*
                properties.into_schema()
            }
        }
    })
}

fn property(field: &Field) -> Result<TokenStream> {
    let (ty, written) = (&field.ty, written(field)?);
    let schema = quote!(<#ty as ::service_kit::openapi::Schema>::schema());
    if written.is_skipped {
        return Ok(quote!());
    }
    if written.is_flat {
        return Ok(quote!(properties.flatten(&#schema);));
    }
    let own = field.ident.as_ref().map(|ident| ident.unraw().to_string());
    let name = written.name.or(own);
    let missing = written.may_be_missing.then(|| quote!(.omitted()));
    let documented = documentation::calls(field)?;
    Ok(quote! {
        properties.add(
            ::service_kit::openapi::Property::new(#name, #schema) #missing #documented
        );
    })
}

fn written(field: &Field) -> Result<Written> {
    let mut written = Written::default();
    for attribute in &field.attrs {
        if attribute.path().is_ident("serde") {
            attribute.parse_nested_meta(|meta| note(&mut written, &meta))?;
        }
    }
    Ok(written)
}

fn note(written: &mut Written, meta: &ParseNestedMeta<'_>) -> Result<()> {
    let name = meta.path.get_ident().map(ToString::to_string);
    match name.as_deref() {
        Some("skip" | "skip_serializing") => written.is_skipped = true,
        Some("flatten") => written.is_flat = true,
        Some("skip_serializing_if") => written.may_be_missing = true,
        Some("rename") if meta.input.peek(Token![=]) => {
            written.name = Some(meta.value()?.parse::<LitStr>()?.value());
            return Ok(());
        }
        Some("rename") => return meta.parse_nested_meta(|meta| rename(written, &meta)),
        _ => {}
    }
    ignore_value(meta)
}

/// `rename(serialize = "…", deserialize = "…")`
fn rename(written: &mut Written, meta: &ParseNestedMeta<'_>) -> Result<()> {
    let name: LitStr = meta.value()?.parse()?;
    if meta.path.is_ident("serialize") {
        written.name = Some(name.value());
    }
    Ok(())
}

/// Every value has to be parsed, also one that does not matter.
fn ignore_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        parenthesized!(content in meta.input);
        content.parse::<TokenStream>()?;
    }
    Ok(())
}
