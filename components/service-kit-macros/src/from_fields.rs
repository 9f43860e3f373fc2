//! `#[derive(FromFields)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, DeriveInput, Error, Expr, Field, Ident, Result, Token, Type};

use crate::{documentation, fields};

/// The rule of a field, and its value if it is missing.
struct Rule {
    rule: Expr,
    default: Option<Expr>,
}

impl Parse for Rule {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let rule = input.parse()?;
        let mut default = None;
        if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let keyword: Ident = input.parse()?;
            if keyword != "default" {
                return Err(Error::new(keyword.span(), "expected `default = …`"));
            }
            input.parse::<Token![=]>()?;
            default = Some(input.parse()?);
        }
        Ok(Self { rule, default })
    }
}

/// Reads every field before the first `?`, so that one answer names all mistakes.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let (mut reads, mut members, mut described) = (Vec::new(), Vec::new(), Vec::new());
    let (title, about) = (name.to_string(), documentation::text(&input.attrs));
    for (index, field) in fields::named(input, "FromFields")?.into_iter().enumerate() {
        let (ident, value) = (&field.ident, format_ident!("value_{index}"));
        let (read, member) = read(field, &value)?;
        reads.push(quote!(let #value = #read;));
        members.push(quote!(#ident: #member));
        described.push(describe(field)?);
    }
    Ok(quote! {
        impl ::service_kit::input::FromFields for #name {
            fn from_fields(
                fields: &mut ::service_kit::input::Fields,
            ) -> ::core::option::Option<Self> {
                #(#reads)*
                ::core::option::Option::Some(Self { #(#members),* })
            }

            fn describe(properties: &mut ::service_kit::openapi::Properties) {
                properties.title(#title, #about);
                #(#described)*
            }
        }
    })
}

/// Returns two expressions: the first reads a field, and the second builds the struct member from it.
fn read(field: &Field, value: &Ident) -> Result<(TokenStream, TokenStream)> {
    let ty = &field.ty;
    let Some(Rule { rule, default }) = rule(field)? else {
        let read = quote!(<#ty as ::service_kit::input::FromFields>::from_fields(fields));
        return Ok((read, quote!(#value?)));
    };
    let name = field.ident.as_ref().map(|ident| ident.unraw().to_string());
    Ok(match default {
        Some(default) => (
            quote!(fields.optional(#name, #rule)),
            quote!(#value?.unwrap_or_else(|| #default)),
        ),
        None if is_option(ty) => (quote!(fields.optional(#name, #rule)), quote!(#value?)),
        None => (quote!(fields.required(#name, #rule)), quote!(#value?)),
    })
}

/// A statement that describes a field.
fn describe(field: &Field) -> Result<TokenStream> {
    let ty = &field.ty;
    let Some(Rule { rule, default }) = rule(field)? else {
        return Ok(quote!(<#ty as ::service_kit::input::FromFields>::describe(properties);));
    };
    let name = field.ident.as_ref().map(|ident| ident.unraw().to_string());
    let missing = match default {
        Some(default) => quote!(.defaulted(#default)),
        None if is_option(ty) => quote!(.optional()),
        None => quote!(),
    };
    let documented = documentation::calls(field)?;
    Ok(quote! {
        properties.add(
            ::service_kit::openapi::Property::new(
                #name,
                ::service_kit::input::Rule::schema(&#rule),
            )
            #missing
            #documented
        );
    })
}

/// Returns the field's rule, or `None` if the field is a group of fields.
fn rule(field: &Field) -> Result<Option<Rule>> {
    let is = |name: &'static str| move |attribute: &&Attribute| attribute.path().is_ident(name);
    let rule = field.attrs.iter().find(is("rule"));
    let flatten = field.attrs.iter().find(is("flatten"));
    match (rule, flatten) {
        (Some(rule), None) => rule.parse_args().map(Some),
        (None, Some(_)) => Ok(None),
        _ => Err(Error::new_spanned(
            field,
            "a field needs one attribute: `#[rule(…)]`, such as `#[rule(rules::text(1, 100))]`, \
             or `#[flatten]` for a group of fields",
        )),
    }
}

/// Recognizes `Option` by its name, as serde does, because a macro cannot see types.
fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|segment| segment.ident == "Option")
}
