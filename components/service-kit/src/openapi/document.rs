//! The document of a service.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Operation, components, member};
use crate::Service;
use crate::problem::Kind;
use crate::service::routes;

/// The OpenAPI document of a service, from its routes. Only natively: in a component it is empty.
#[must_use]
pub fn document(service: &Service) -> Value {
    let mut operations = routes(service, true).into_operations();
    for operation in &mut operations {
        operation.add_common_problems();
    }
    let problems = problems(&operations);
    let mut components = components::all();
    let paths = paths(service, operations, &mut components);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": service.name,
            "version": service.version,
            "description": service.description,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "contact": {"name": "The operator of this application"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": service.name, "description": service.description}],
        "paths": paths,
        "components": components,
        "x-problems": problems,
    });
    components::retain_used(&mut document);
    document
}

fn paths(
    service: &Service,
    operations: Vec<Operation>,
    components: &mut Value,
) -> Map<String, Value> {
    let (mut paths, mut ids) = (Map::new(), BTreeMap::new());
    for mut operation in operations {
        operation.id = unique(&mut ids, format!("{}_{}", service.name, operation.id));
        let (path, method) = (operation.path.clone(), operation.method.to_lowercase());
        let operation = operation.into_value(service.name, components);
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        *member(entry, &method) = operation;
    }
    paths
}

/// A handler may serve several paths.
fn unique(ids: &mut BTreeMap<String, u32>, id: String) -> String {
    let count = ids.entry(id.clone()).or_insert(0);
    *count += 1;
    match *count {
        1 => id,
        count => format!("{id}_{count}"),
    }
}

/// What the pages about problems say, by name.
fn problems(operations: &[Operation]) -> Vec<Value> {
    let all = operations.iter().flat_map(Operation::problems);
    let by_name: BTreeMap<&str, &Kind> = all.map(|kind| (kind.name, kind)).collect();
    by_name.values().map(|kind| json!(kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{FromFields, rules};
    use crate::problem::Problem;
    use crate::routing::{Id, get, post};
    use crate::{Answer, Bearer, Created, Input, Query, Result, kind};

    /// A note.
    #[derive(FromFields)]
    #[expect(dead_code, reason = "only its description is used")]
    struct Note {
        #[rule(rules::text(1, 9))]
        text: String,
    }

    async fn write(_: Bearer, _: Input<Note>) -> Result<Created<u64>> {
        Ok(Answer::created("Written", 1))
    }

    async fn search(Id(_): Id, _: Query<Note>) -> Answer<Vec<String>> {
        Answer::ok("Found", Vec::new())
    }

    static SERVICE: Service = Service {
        name: "notes",
        version: "1",
        description: "Notes.",
        openapi: "{}",
        routes: |routes| {
            let full = Problem::of(kind!(409, "full", "Full", "There are too many notes."));
            let write = post(write)
                .about("Writes a note. It is kept.")
                .problems([full]);
            routes
                .required("/notes", write)
                .public("/notes/{id}", get(search))
                .public("/notes/style", get(async || "").undocumented())
        },
    };

    #[test]
    fn a_route_says_what_it_takes_and_what_may_go_wrong() {
        let document = document(&SERVICE);
        let write = &document["paths"]["/notes"]["post"];
        assert_eq!(write["operationId"], "notes_write");
        assert_eq!(write["summary"], "Writes a note");
        let security = json!([{"bearer": []}, {"accessToken": []}]);
        assert_eq!(write["security"], security);
        let schema = &write["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["anyOf"][0]["title"], "Note");
        let statuses: Vec<&String> = write["responses"].as_object().unwrap().keys().collect();
        let expected = [
            "201", "400", "401", "408", "409", "413", "415", "422", "500", "503", "504",
        ];
        assert_eq!(statuses, expected);
    }

    #[test]
    fn a_public_route_has_no_envelopes() {
        let document = document(&SERVICE);
        let search = &document["paths"]["/notes/{id}"]["get"];
        assert!(!search.to_string().contains("SealedBody"), "{search}");
        let names = search["parameters"].as_array().unwrap().iter();
        let names: Vec<&Value> = names.map(|parameter| &parameter["name"]).collect();
        assert_eq!(names, ["id", "text"]);
        for status in ["200", "404", "414", "422"] {
            assert!(search["responses"][status].is_object(), "{status}");
        }
    }

    #[test]
    fn standard_routes_are_described_and_parts_of_pages_are_not() {
        let document = document(&SERVICE);
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        for path in [
            "/health",
            "/services/notes/health",
            "/services/notes/routes",
        ] {
            assert!(paths.iter().any(|one| *one == path), "{paths:?}");
        }
        assert!(!paths.iter().any(|one| *one == "/notes/style"), "{paths:?}");
    }

    #[test]
    fn every_problem_is_listed_for_its_page() {
        let document = document(&SERVICE);
        let problems = document["x-problems"].as_array().unwrap();
        let full = problems.iter().find(|problem| problem["name"] == "full");
        assert_eq!(full.unwrap()["detail"], "There are too many notes.");
        assert!(problems.iter().all(|problem| problem["remedy"].is_string()));
    }
}
