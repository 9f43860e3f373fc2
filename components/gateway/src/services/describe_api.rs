//! The API reference of the application: the documents of all services as one.

use std::thread::LocalKey;

use futures_util::future::join_all;
use serde_json::{Value, json};
use service_kit::description::openapi_path;
use service_kit::openapi::member;
use service_kit::{Result, peers};

use super::{ask_service, merge_documents, recent::Recent};
use crate::SERVICE;

/// Returns what `write` makes of the OpenAPI document of every route of the application. `recent` keeps it. A
/// service that does not answer is named in the document, and the others are complete.
pub(crate) async fn describe_api<T: Clone>(
    recent: &'static LocalKey<Recent<T>>,
    write: impl FnOnce(&Value) -> T,
) -> Result<T> {
    Recent::get_or_make(recent, async || Ok(write(&merge_all().await?))).await
}

async fn merge_all() -> Result<Value> {
    let names = peers::granted().await?;
    let documents = names.into_iter().map(async |name| {
        let document = ask_service::<Value>(&name, &openapi_path(&name)).await;
        (name, document)
    });
    let mut merged = own();
    for (name, document) in join_all(documents).await {
        match document {
            Ok(document) => merge_documents::add(&mut merged, &name, document),
            Err(reason) => merge_documents::note_missing(&mut merged, &name, reason),
        }
    }
    // The services come before the gateway, which readers need last.
    if let Some(tags) = merged.get_mut("tags").and_then(Value::as_array_mut) {
        let own = usize::from(!tags.is_empty());
        tags.rotate_left(own);
    }
    Ok(merged)
}

/// The gateway's document, with the application's name.
fn own() -> Value {
    let mut own: Value = serde_json::from_str(SERVICE.openapi).unwrap_or_else(|_| json!({}));
    let info = member(&mut own, "info");
    *member(info, "title") = json!("Spindle");
    *member(info, "description") = json!("Every route of the application.");
    own
}
