//! One method of one path: what it takes and what it answers.

use serde_json::{Value, json};

use super::Properties;
use super::example::example;
use super::member::member;
use super::responses::Responses;
use crate::description::Encryption;
use crate::problem::{Kind, kinds};

/// What is known about a handler, collected from its arguments, its result and its route.
#[derive(Debug, Default)]
pub struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) encryption: Encryption,
    pub(crate) id: String,
    pub(crate) about: String,
    /// The fields of the body.
    pub body: Option<Properties>,
    /// The parameters of the query string.
    pub query: Option<Properties>,
    /// Parameters in the path and in headers, as OpenAPI describes them.
    pub parameters: Vec<Value>,
    /// Names of security schemes, one of which is required; none if everyone may call.
    pub security: Vec<&'static str>,
    pub(crate) responses: Responses,
}

impl Operation {
    /// The operation may answer this status with a body like this.
    pub fn answers_with(&mut self, status: u16, media_type: &'static str, schema: Value) {
        self.responses.answer(status, media_type, schema);
    }

    /// The operation may answer with this problem.
    pub fn fails_with(&mut self, kind: &'static Kind) {
        self.responses.problem(kind, kind.detail);
    }

    /// The operation may answer with this problem and this detail.
    pub(crate) fn fails_with_detail(&mut self, kind: &'static Kind, detail: &str) {
        self.responses.problem(kind, detail);
    }

    /// Whether requests may have a body.
    fn has_body(&self) -> bool {
        matches!(&*self.method, "POST" | "PUT" | "PATCH")
    }

    fn is_sealable(&self) -> bool {
        self.encryption != Encryption::Public
    }

    /// What may go wrong before the handler runs, or instead of it.
    pub(super) fn add_common_problems(&mut self) {
        if self.has_body() {
            for kind in [
                &kinds::MALFORMED_JSON,
                &kinds::BODY_TOO_LARGE,
                &kinds::UNSUPPORTED_MEDIA_TYPE,
                &kinds::REQUEST_TIMEOUT,
            ] {
                self.fails_with(kind);
            }
            if self.is_sealable() {
                self.fails_with(&kinds::ENVELOPE_INVALID);
            }
            if self.encryption == Encryption::Required {
                self.fails_with(&kinds::ENCRYPTION_REQUIRED);
            }
        }
        if self.body.is_some() || self.query.is_some() {
            self.fails_with(&kinds::INVALID_FIELDS);
        }
        if self.query.is_some() {
            self.fails_with(&kinds::QUERY_TOO_LONG);
        }
        for kind in [
            &kinds::INTERNAL,
            &kinds::UNAVAILABLE,
            &kinds::OVERLOADED,
            &kinds::TIMEOUT,
        ] {
            self.fails_with(kind);
        }
    }

    /// The kinds of problem, for the pages that explain them.
    pub(super) fn problems(&self) -> impl Iterator<Item = &'static Kind> {
        self.responses.problems()
    }

    /// As OpenAPI describes it. Responses that are only problems go to `components`.
    pub(super) fn into_value(mut self, tag: &str, components: &mut Value) -> Value {
        let sealable = self.is_sealable();
        if sealable {
            let header = json!({"$ref": "#/components/parameters/X-Encrypt-Response"});
            self.parameters.push(header);
        }
        if let Some(query) = self.query.take() {
            self.parameters.extend(query_parameters(query));
        }
        let mut operation = json!({
            "operationId": self.id,
            "summary": summary(&self.about),
            "description": self.description(),
            "tags": [tag],
            "responses": self.responses.into_value(sealable, components),
        });
        if !self.parameters.is_empty() {
            *member(&mut operation, "parameters") = json!(self.parameters);
        }
        if let Some(body) = self.body {
            *member(&mut operation, "requestBody") = request_body(body.into_schema(), sealable);
        }
        if !self.security.is_empty() {
            let schemes = self.security.iter().map(|scheme| json!({*scheme: []}));
            *member(&mut operation, "security") = schemes.collect();
        }
        operation
    }

    fn description(&self) -> String {
        let sealing = match self.encryption {
            Encryption::Public => "Bodies are never sealed.",
            Encryption::Optional => "Bodies may be sealed.",
            Encryption::Required => "Bodies have to be sealed in production.",
        };
        format!("{} {sealing}", self.about)
    }
}

/// The first sentence, without its full stop.
fn summary(about: &str) -> &str {
    let first = about.split_once(". ").map_or(about, |(first, _)| first);
    first.trim_end_matches('.')
}

fn query_parameters(query: Properties) -> impl Iterator<Item = Value> {
    query.into_parameters().into_iter().map(|mut property| {
        let description = property.schema.get("description").cloned();
        if let Some(schema) = property.schema.as_object_mut() {
            schema.remove("description");
        }
        let mut parameter = json!({
            "name": property.name, "in": "query", "required": property.required,
            "schema": property.schema,
        });
        if let Some(description) = description {
            *member(&mut parameter, "description") = description;
        }
        parameter
    })
}

fn request_body(schema: Value, sealable: bool) -> Value {
    let example = example(&schema);
    let schema = match sealable {
        true => json!({"anyOf": [schema, {"$ref": "#/components/schemas/SealedBody"}]}),
        false => schema,
    };
    let content = json!({"application/json": {"schema": schema, "example": example}});
    json!({"required": true, "content": content})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_first_sentence() {
        assert_eq!(summary("Creates a user. It is stored."), "Creates a user");
        assert_eq!(summary("Creates a user."), "Creates a user");
        assert_eq!(summary("register"), "register");
    }
}
