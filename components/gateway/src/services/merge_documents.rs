//! One OpenAPI document of those of several services.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use service_kit::openapi::member;

/// What refers to a shared part of a document.
const COMPONENTS: &str = "#/components/";

/// Add a service's document. What is there already stays: the gateway's own routes come first, because
/// a service's `/health` is the gateway's in the application.
pub(super) fn add(merged: &mut Value, service: &str, mut document: Value) {
    let renamed = conflicts(merged, service, &document);
    rewrite(&mut document, &renamed);
    let Some(document) = document.as_object_mut() else {
        return;
    };
    let mut part = |key: &str| document.remove(key).unwrap_or_default();
    for (path, methods) in object(part("paths")) {
        add_members(member(member(merged, "paths"), &path), methods);
    }
    for (kind, entries) in object(part("components")) {
        for (name, entry) in object(entries) {
            let place = renamed.get(&reference(&kind, &name));
            let place = place.and_then(|place| place.rsplit('/').next());
            let place = place.unwrap_or(&name);
            *member(member(member(merged, "components"), &kind), place) = entry;
        }
    }
    extend(member(merged, "tags"), part("tags"));
    extend(member(merged, "x-problems"), part("x-problems"));
}

/// Note that a service is missing, and why.
pub(super) fn note_missing(merged: &mut Value, service: &str, reason: &str) {
    let missing = json!({"service": service, "reason": reason});
    extend(member(merged, "x-missing"), json!([missing]));
    if let Some(Value::String(description)) = merged.pointer_mut("/info/description") {
        description.push_str(&format!(" `{service}` is missing here: {reason}."));
    }
}

/// Where each shared part of the document goes: under its own name, unless another part has it.
fn conflicts(merged: &Value, service: &str, document: &Value) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    let kinds = document.get("components").and_then(Value::as_object);
    for (kind, entries) in kinds.into_iter().flatten() {
        for (name, entry) in entries.as_object().into_iter().flatten() {
            let present = merged
                .get("components")
                .and_then(|components| components.get(kind)?.get(name));
            let place = match present {
                Some(present) if present != entry => format!("{service}.{name}"),
                _ => name.clone(),
            };
            places.insert(reference(kind, name), reference(kind, &place));
        }
    }
    places
}

fn reference(kind: &str, name: &str) -> String {
    format!("{COMPONENTS}{kind}/{name}")
}

/// Replace every reference to a part that got another name.
fn rewrite(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(renamed) = renamed.get(reference)
            {
                renamed.clone_into(reference);
            }
            members
                .values_mut()
                .for_each(|value| rewrite(value, renamed));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| rewrite(value, renamed)),
        _ => {}
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn add_members(value: &mut Value, members: Value) {
    for (name, entry) in object(members) {
        let place = member(value, &name);
        if place.is_null() {
            *place = entry;
        }
    }
}

/// Add the items that are not there, by their name.
fn extend(value: &mut Value, items: Value) {
    let mut all = match value.take() {
        Value::Array(all) => all,
        _ => Vec::new(),
    };
    let items = match items {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    for item in items {
        let name = item.get("name");
        if name.is_none() || all.iter().all(|other| other.get("name") != name) {
            all.push(item);
        }
    }
    *value = Value::Array(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Value {
        json!({
            "info": {"description": "All."},
            "paths": {"/health": {"get": {"operationId": "all"}}},
            "components": {"schemas": {"Problem": {"type": "object"}}},
            "tags": [{"name": "gateway"}], "x-problems": [],
        })
    }

    #[test]
    fn paths_of_services_are_joined_and_own_ones_stay() {
        let mut merged = own();
        let document = json!({
            "paths": {
                "/health": {"get": {"operationId": "one"}},
                "/notes": {"get": {"operationId": "list"}},
            },
            "tags": [{"name": "notes"}], "x-problems": [{"name": "full"}],
        });
        add(&mut merged, "notes", document);
        assert_eq!(merged["paths"]["/health"]["get"]["operationId"], "all");
        assert_eq!(merged["paths"]["/notes"]["get"]["operationId"], "list");
        assert_eq!(merged["tags"][1]["name"], "notes");
        assert_eq!(merged["x-problems"][0]["name"], "full");
    }

    #[test]
    fn a_part_that_differs_gets_a_name_of_its_own() {
        let mut merged = own();
        let problem = json!({"$ref": "#/components/schemas/Problem"});
        let document = |kind: &str| {
            json!({
                "paths": {"/notes": {"get": problem}},
                "components": {"schemas": {"Problem": {"type": kind}}},
            })
        };
        let mut same = merged.clone();
        add(&mut same, "notes", document("object"));
        assert_eq!(same["paths"]["/notes"]["get"], problem);
        add(&mut merged, "notes", document("string"));
        let reference = json!({"$ref": "#/components/schemas/notes.Problem"});
        assert_eq!(merged["paths"]["/notes"]["get"], reference);
        let schemas = &merged["components"]["schemas"];
        assert_eq!(schemas["Problem"]["type"], "object");
        assert_eq!(schemas["notes.Problem"]["type"], "string");
    }

    #[test]
    fn a_missing_service_is_named_with_the_reason() {
        let mut merged = own();
        note_missing(&mut merged, "notes", "it does not answer in time");
        assert_eq!(merged["x-missing"][0]["service"], "notes");
        let description = merged["info"]["description"].as_str().unwrap();
        assert!(
            description.contains("`notes` is missing here"),
            "{description}"
        );
    }

    #[test]
    fn a_document_that_is_none_adds_nothing() {
        for wrong in [
            json!(null),
            json!([1]),
            json!({"paths": 1, "components": []}),
        ] {
            let mut merged = own();
            add(&mut merged, "notes", wrong);
            assert_eq!(merged["paths"], own()["paths"]);
        }
    }
}
