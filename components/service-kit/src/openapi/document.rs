//! The document of a service.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Operation, components};
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
        entry[method] = operation;
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
