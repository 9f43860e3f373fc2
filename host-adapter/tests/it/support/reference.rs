//! Compares every answer that a test gets with the API reference: its status, its media type, and the
//! kind of problem. So an answer that is not documented fails the test that finds it.

use std::sync::LazyLock;

use serde_json::Value;

use super::{client::Answer, project};

/// A method of a path that a service documents.
struct Operation {
    method: String,
    path: String,
    /// By status, without references.
    responses: serde_json::Map<String, Value>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let folders = project().join("components").read_dir().expect("a folder");
    let files = folders.map(|folder| folder.expect("an entry").path().join("openapi.json"));
    let texts = files.filter_map(|file| std::fs::read_to_string(file).ok());
    let operations: Vec<_> = texts.flat_map(|text| operations(&text)).collect();
    assert!(!operations.is_empty(), "no answer could be compared");
    operations
});

fn operations(document: &str) -> Vec<Operation> {
    let document: Value = serde_json::from_str(document).expect("JSON");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let responses = operation["responses"].as_object().expect("responses");
            let responses = responses.iter().map(|(status, response)| {
                let pointer = response["$ref"].as_str().map(|text| &text[1..]);
                let response = pointer
                    .and_then(|pointer| document.pointer(pointer))
                    .unwrap_or(response);
                (status.clone(), response.clone())
            });
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                responses: responses.collect(),
            });
        }
    }
    operations
}

/// Panics if the route is documented, and an answer like this is not.
#[track_caller]
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let mut operations = OPERATIONS
        .iter()
        .filter(|one| one.method == method && matches(&one.path, path))
        .peekable();
    // Test components have paths like these, too.
    if matches!(path, "/" | "/health") || operations.peek().is_none() || is_unrouted(answer) {
        return;
    }
    assert!(
        operations.any(|operation| operation.documents(answer)),
        "`{method} {path}` does not document this answer: {answer:?}"
    );
}

/// Whether a path is the one with parameters in braces.
fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part == text || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// A listener of one service answers the routes of the others like this.
fn is_unrouted(answer: &Answer) -> bool {
    let detail = || answer.json()["detail"].as_str().map(str::to_owned);
    answer.status == 404
        && answer.header("content-type").ends_with("+json")
        && detail().is_some_and(|detail| {
            [
                "There is nothing at this path.",
                "no route matches this path",
            ]
            .contains(&&*detail)
        })
}

impl Operation {
    fn documents(&self, answer: &Answer) -> bool {
        let media_type = answer.header("content-type").split(';').next();
        let content = self
            .responses
            .get(answer.status.as_str())
            .and_then(|response| response["content"].get(media_type.unwrap_or_default()));
        let Some(content) = content else {
            return false;
        };
        match content.pointer("/schema/allOf/1/properties/type/enum") {
            Some(Value::Array(kinds)) => kinds.contains(&answer.json()["type"]),
            _ => true,
        }
    }
}
