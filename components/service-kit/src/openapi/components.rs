//! What the operations of all services share.

use serde_json::{Map, Value, json};

/// The holder of an access token.
pub(crate) const BEARER: &str = "bearer";
/// The same in another header.
pub(crate) const ACCESS_TOKEN: &str = "accessToken";
/// A service, proven by an envelope.
pub(crate) const SERVICE: &str = "service";
/// The operator, proven by an envelope.
pub(crate) const OPERATOR: &str = "operator";

/// Everything; [`retain_used`] removes what a document does not refer to.
pub(super) fn all() -> Value {
    json!({
        "schemas": {"Problem": problem(), "SealedBody": sealed_body()},
        "parameters": {"X-Encrypt-Response": {
            "name": "X-Encrypt-Response", "in": "header", "required": false,
            "description": "`true` asks for a sealed answer to a request that is not sealed.",
            "schema": {"type": "string", "examples": ["true"]},
        }},
        "headers": {
            "X-Request-ID": header("The request's id in logs: the client's own, if it sent a valid one.", "string", "018f4e9a-7b1c-7def-8000-000000000001"),
            "X-Process-Time": header("How long the answer took, in seconds.", "string", "0.001234"),
            "WWW-Authenticate": header("What is wrong with the access token (RFC 6750).", "string", "Bearer realm=\"spindle\""),
            "Retry-After": header("Seconds after which to try again.", "string", "2"),
        },
        "responses": {},
        "securitySchemes": security_schemes(),
    })
}

/// Remove what nothing in `document` refers to, and kinds of components that are empty.
pub(super) fn retain_used(document: &mut Value) {
    let text = document.to_string();
    let Some(components) = document
        .get_mut("components")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for (kind, entries) in components.iter_mut() {
        if let Some(entries) = entries.as_object_mut() {
            entries.retain(|name, _| is_used(&text, kind, name));
        }
    }
    components.retain(|_, entries| {
        entries
            .as_object()
            .is_some_and(|entries| !entries.is_empty())
    });
}

fn is_used(text: &str, kind: &str, name: &str) -> bool {
    match kind {
        "securitySchemes" => text.contains(&format!("{{\"{name}\":[]}}")),
        _ => text.contains(&format!("\"#/components/{kind}/{name}\"")),
    }
}

fn header(description: &str, kind: &str, example: &str) -> Value {
    json!({"description": description, "schema": {"type": kind}, "example": example})
}

fn problem() -> Value {
    let error = json!({
        "type": "object", "required": ["pointer", "message", "code"],
        "properties": {
            "pointer": {"type": "string", "description": "Where in the document (RFC 6901)."},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "code": {"type": "string", "description": "What is wrong, for programs."},
        },
    });
    json!({
        "title": "Problem", "description": "A failure (RFC 9457). Branch on `type`.",
        "type": "object", "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "What kind of problem it is: the path of a page that explains it."},
            "title": {"type": "string", "description": "The kind in a few words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What happened, for people."},
            "instance": {"type": "string", "description": "The path of the request."},
            "errors": {"type": "array", "description": "Every invalid field.", "items": error},
        },
    })
}

fn sealed_body() -> Value {
    json!({
        "title": "SealedBody",
        "description": "An encrypted body: a compact JWE (RFC 7516; `dir`, `A256GCM`), bound to sender, receiver, method and path, valid once and for 60 seconds. `host-adapter seal` and `open` make and read one.",
        "type": "object", "required": ["encrypted_data"], "additionalProperties": false,
        "properties": {"encrypted_data": {"type": "string"}},
        "examples": [{"encrypted_data": "eyJhbGciOiJkaXIi…"}],
    })
}

fn security_schemes() -> Map<String, Value> {
    let envelope = |description: &str| {
        json!({
            "type": "apiKey", "in": "header", "name": "X-Service-Communication",
            "description": description,
        })
    };
    let schemes = [
        (
            BEARER,
            json!({
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "The `access_token` of a login.",
            }),
        ),
        (
            ACCESS_TOKEN,
            json!({
                "type": "apiKey", "in": "header", "name": "x-access-token",
                "description": "The same token, for clients that cannot set `Authorization`.",
            }),
        ),
        (
            SERVICE,
            envelope(
                "`encrypted`, with a body that another service has sealed with its key. The key proves which service it is.",
            ),
        ),
        (
            OPERATOR,
            envelope(
                "`encrypted`, with a body that is sealed with the key `client`, which stays with the operator.",
            ),
        ),
    ];
    Map::from_iter(schemes.map(|(name, scheme)| (name.to_owned(), scheme)))
}
