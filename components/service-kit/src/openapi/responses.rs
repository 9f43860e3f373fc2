//! What an operation may answer, by status.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::example::example;
use super::member::member;
use crate::problem::Kind;

const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";

/// Answers and problems by status.
#[derive(Debug, Default)]
pub(crate) struct Responses(BTreeMap<u16, Response>);

#[derive(Debug, Default)]
struct Response {
    /// By media type.
    answers: Vec<(&'static str, Value)>,
    problems: Vec<(&'static Kind, String)>,
}

impl Responses {
    pub(super) fn answer(&mut self, status: u16, media_type: &'static str, schema: Value) {
        let response = self.0.entry(status).or_default();
        response.answers.push((media_type, schema));
    }

    /// The first detail of a kind is its example.
    pub(super) fn problem(&mut self, kind: &'static Kind, detail: &str) {
        let problems = &mut self.0.entry(kind.status).or_default().problems;
        if problems.iter().all(|(other, _)| other.name != kind.name) {
            problems.push((kind, detail.to_owned()));
        }
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &'static Kind> {
        let responses = self.0.values();
        responses.flat_map(|response| response.problems.iter().map(|(kind, _)| *kind))
    }

    pub(super) fn into_value(self, sealable: bool, components: &mut Value) -> Value {
        let mut responses = Map::new();
        for (status, response) in self.0 {
            let name = response.component_name(sealable);
            let value = response.into_value(status, sealable);
            let value = match name {
                Some(name) => {
                    *member(member(components, "responses"), &name) = value;
                    json!({"$ref": format!("#/components/responses/{name}")})
                }
                None => value,
            };
            responses.insert(status.to_string(), value);
        }
        Value::Object(responses)
    }
}

impl Response {
    /// None for a response that belongs to one operation.
    fn component_name(&self, sealable: bool) -> Option<String> {
        let is_general = |(kind, detail): &(&Kind, String)| kind.detail == detail;
        if !self.answers.is_empty() || !self.problems.iter().all(is_general) {
            return None;
        }
        let mut names: Vec<&str> = self.problems.iter().map(|(kind, _)| kind.name).collect();
        names.sort_unstable();
        let suffix = if sealable { ".sealable" } else { "" };
        Some(format!("{}{suffix}", names.join(".")))
    }

    fn into_value(mut self, status: u16, sealable: bool) -> Value {
        self.problems.sort_by_key(|(kind, _)| kind.name);
        let (mut content, mut described) = (Map::new(), Vec::new());
        for (media_type, schema) in &self.answers {
            let answer = answer(schema, sealable && *media_type == JSON);
            content.insert((*media_type).to_owned(), answer);
        }
        if !self.answers.is_empty() {
            described.push(answered(status).to_owned());
        } else if sealable {
            let sealed = json!({"schema": {"$ref": "#/components/schemas/SealedBody"}});
            content.insert(JSON.to_owned(), sealed);
        }
        if !self.problems.is_empty() {
            described.extend(self.problems.iter().map(|(kind, _)| kind.title.to_owned()));
            content.insert(PROBLEM.to_owned(), problem(&self.problems));
        }
        let description = format!("{}.", described.join(", or: "));
        json!({"description": description, "content": content, "headers": headers(status)})
    }
}

fn answered(status: u16) -> &'static str {
    match status {
        200 => "Success",
        201 => "Created",
        503 => "Unhealthy",
        _ => "Answer",
    }
}

fn answer(schema: &Value, sealable: bool) -> Value {
    let example = example(schema);
    let schema = match sealable {
        true => json!({"anyOf": [schema, {"$ref": "#/components/schemas/SealedBody"}]}),
        false => schema.clone(),
    };
    json!({"schema": schema, "example": example})
}

/// A problem of one of these kinds, and of no other.
fn problem(problems: &[(&Kind, String)]) -> Value {
    let types = problems.iter().map(|(kind, _)| kind.type_path());
    let types: Vec<String> = types.collect();
    let examples = problems.iter().map(|(kind, detail)| {
        let example = kind.example(detail);
        (
            kind.name.to_owned(),
            json!({"summary": kind.title, "value": example}),
        )
    });
    json!({
        "schema": {"allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {"type": {"enum": types}}},
        ]},
        "examples": Map::from_iter(examples),
    })
}

fn headers(status: u16) -> Value {
    let mut headers = Map::new();
    let of_status = match status {
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    for name in ["X-Request-ID", "X-Process-Time"]
        .into_iter()
        .chain(of_status)
    {
        let reference = format!("#/components/headers/{name}");
        headers.insert(name.to_owned(), json!({"$ref": reference}));
    }
    Value::Object(headers)
}
