//! The API reference of the application: the documents of all services as one.

use std::thread::LocalKey;

use futures_util::future::join_all;
use serde_json::{Value, json};
use service_kit::description::openapi_path;
use service_kit::openapi::member;
use service_kit::{Failure, Result, Shared, peers};

use super::{ask_service, merge_documents};
use crate::SERVICE;

/// Returns what `write` makes of the OpenAPI document of every route of the application. `shared` keeps it for up to a
/// second. A service that does not answer is named in the document, and the others are complete.
pub(crate) async fn describe_api<T: Clone + 'static>(
    shared: &'static LocalKey<Shared<T, Failure>>,
    write: fn(&Value) -> T,
) -> Result<T> {
    let read = Shared::read(shared, async move || Ok(write(&merge_all().await?)));
    Ok(T::clone(&read.await?.value))
}

async fn merge_all() -> Result<Value, Failure> {
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
