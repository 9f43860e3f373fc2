//! The API reference as a page.

use serde_json::{Map, Value};
use service_kit::openapi::member;

use super::Page;
use super::html::{code, escape, page, prose};
use super::schema::{resolve, row, table};

/// The methods of a path, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// How a document refers to the form of a sealed body.
const SEALED: &str = "#/components/schemas/SealedBody";

/// The page about an OpenAPI document.
pub(crate) fn docs(document: &Value) -> Page {
    let title = text(document, "/info/title");
    let mut main = format!(
        "<h1>{} <small>{}</small></h1>\n<p>{}</p>\n",
        escape(title),
        escape(text(document, "/info/version")),
        prose(text(document, "/info/description")),
    );
    main.push_str(&missing(document));
    let tags = array(document.get("tags"));
    let names = tags.iter().map(|tag| text(tag, "/name"));
    let links = names.map(|name| format!("<li><a href=\"#{0}\">{0}</a></li>", escape(name)));
    main.push_str(&format!(
        "<ul class=\"toc\">{}</ul>\n",
        links.collect::<String>()
    ));
    for tag in tags {
        main.push_str(&service(document, tag));
    }
    Page(page(title, &main).into())
}

/// Services that do not answer, so that the page does not look complete.
fn missing(document: &Value) -> String {
    let missing = array(document.get("x-missing"));
    let missing = missing.iter().map(|one| {
        let (service, reason) = (text(one, "/service"), text(one, "/reason"));
        format!(
            "<p class=\"warning\" role=\"status\"><strong>{}</strong> is missing here: {}.</p>\n",
            escape(service),
            escape(reason)
        )
    });
    missing.collect()
}

fn service(document: &Value, tag: &Value) -> String {
    let name = text(tag, "/name");
    let mut html = format!(
        "<section>\n<h2 id=\"{0}\">{0}</h2>\n<p>{1}</p>\n",
        escape(name),
        prose(text(tag, "/description")),
    );
    for (path, methods) in object(document.get("paths")) {
        for method in METHODS {
            let operation = methods.get(method);
            let operation = operation.filter(|one| text(one, "/tags/0") == name);
            if let Some(operation) = operation {
                html.push_str(&describe(document, path, method, operation));
            }
        }
    }
    html.push_str("</section>\n");
    html
}

fn describe(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let (id, path) = (escape(text(operation, "/operationId")), escape(path));
    let summary = prose(text(operation, "/summary"));
    let mut html = format!(
        "<details class=\"operation\"><summary><span class=\"method {method}\">{}</span> \
         <code>{path}</code> <span class=\"summary\">{summary}</span></summary>\n<div id=\"{id}\">\n<p>{} \
         <a href=\"#{id}\" aria-label=\"Link to this route\">Link</a></p>\n",
        method.to_uppercase(),
        prose(text(operation, "/description")),
    );
    html.push_str(&security(document, operation));
    html.push_str(&parameters(document, operation));
    html.push_str(&request(document, operation));
    for (status, response) in object(operation.get("responses")) {
        html.push_str(&answer(document, status, resolve(document, response)));
    }
    html.push_str("</div></details>\n");
    html
}

/// Who may call.
fn security(document: &Value, operation: &Value) -> String {
    let schemes = array(operation.get("security"));
    let schemes = schemes.iter().filter_map(Value::as_object);
    let names = schemes.flat_map(Map::keys);
    let items: String = names
        .map(|name| {
            let about = text(
                document,
                &format!("/components/securitySchemes/{name}/description"),
            );
            format!(
                "<li><strong>{}</strong>: {}</li>",
                escape(name),
                prose(about)
            )
        })
        .collect();
    match items.is_empty() {
        true => String::new(),
        false => format!("<h3>Authentication, one of</h3>\n<ul>{items}</ul>\n"),
    }
}

fn parameters(document: &Value, operation: &Value) -> String {
    let parameters = array(operation.get("parameters"));
    let rows = parameters.iter().map(|parameter| {
        let parameter = resolve(document, parameter);
        let name = format!("{} ({})", text(parameter, "/name"), text(parameter, "/in"));
        let mut schema = parameter.get("schema").cloned().unwrap_or_default();
        if let Some(description) = parameter.get("description") {
            *member(&mut schema, "description") = description.clone();
        }
        let required = parameter.get("required") == Some(&Value::Bool(true));
        row(&name, &schema, required)
    });
    let rows: String = rows.collect();
    match rows.is_empty() {
        true => rows,
        false => format!(
            "<h3>Parameters</h3>\n<div class=\"wide\" tabindex=\"0\"><table>\n{rows}</table></div>\n"
        ),
    }
}

fn request(document: &Value, operation: &Value) -> String {
    let Some(content) = operation.pointer("/requestBody/content/application~1json") else {
        return String::new();
    };
    let schema = content.get("schema").map(|schema| table(document, schema));
    format!(
        "<h3>Body</h3>\n{}{}",
        schema.unwrap_or_default(),
        example(content)
    )
}

fn answer(document: &Value, status: &str, response: &Value) -> String {
    let mut html = format!(
        "<details class=\"answer\"><summary><span class=\"badge\">{}</span> {}</summary>\n<div>\n",
        escape(status),
        prose(text(response, "/description")),
    );
    for (media_type, content) in object(response.get("content")) {
        if content.pointer("/schema/$ref").and_then(Value::as_str) == Some(SEALED) {
            html.push_str(
                "<p><small>Sealed, if the request was sealed or asks for it.</small></p>\n",
            );
            continue;
        }
        html.push_str(&format!("<p><small>{}</small></p>\n", escape(media_type)));
        let is_problem = media_type == "application/problem+json";
        if let Some(schema) = content.get("schema").filter(|_| !is_problem) {
            html.push_str(&table(document, schema));
        }
        html.push_str(&example(content));
        for (name, example) in object(content.get("examples")) {
            let name = escape(name);
            let value = example.get("value").unwrap_or(example);
            html.push_str(&format!("<p><a href=\"/problems/{name}\">{name}</a></p>\n"));
            html.push_str(&pretty(value));
        }
    }
    html.push_str("</div></details>\n");
    html
}

fn example(content: &Value) -> String {
    content.get("example").map(pretty).unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => code(text),
        value => code(&serde_json::to_string_pretty(value).unwrap_or_default()),
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operation_and_missing_service_is_on_the_page() {
        let document = json!({
            "info": {"title": "T", "version": "1", "description": "d"},
            "tags": [{"name": "notes", "description": "Notes."}],
            "x-missing": [{"service": "user", "reason": "it does not answer in time"}],
            "paths": {"/notes/{id}": {"delete": {
                "operationId": "notes_end", "summary": "<Ends>", "tags": ["notes"],
                "responses": {"404": {"description": "Not found.", "content": {
                    "application/problem+json": {"examples": {"not-found": {"value": {"status": 404}}}},
                }}},
            }}},
        });
        let page = docs(&document);
        let html = page.text();
        for expected in [
            "notes_end",
            "DELETE",
            "&lt;Ends&gt;",
            "/problems/not-found",
            "user",
        ] {
            assert!(html.contains(expected), "{expected}: {html}");
        }
    }

    #[test]
    fn a_document_of_another_form_is_an_empty_page() {
        for odd in [json!(null), json!({"tags": [1], "paths": {"/": 1}})] {
            let page = docs(&odd);
            let html = page.text();
            assert!(html.contains("<main"), "{html}");
        }
    }
}
