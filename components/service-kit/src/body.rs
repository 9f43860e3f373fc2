//! Reads request bodies up to a limit, and parses them once.

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::headers::X_SERVICE_COMMUNICATION;
use crate::problem::{Problem, kinds};

/// Maximum size of a body. A body is held in the instance's memory, and an envelope cannot carry more.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// Maximum size of a sealed body. An envelope is a third larger than its content, and has a header.
const MAX_SEALED_BYTES: usize = MAX_BYTES / 3 * 4 + 8 * 1024;

/// Maximum memory of a parsed body. An instance works on up to sixteen requests at once. Their texts
/// and parsed bodies fit into its 64 MiB.
const MAX_PARSED_BYTES: usize = 2 * 1024 * 1024;

/// A request's JSON document, left for [`crate::Input`] to take.
#[derive(Clone)]
pub(crate) struct Document(pub(crate) Value);

/// Reads and parses the body. `None` for a method without a body, and for a request without a
/// `Content-Type`. The body of such a request is not read.
pub(crate) async fn read_document(request: &mut Request) -> Result<Option<Value>, Problem> {
    if !matches!(
        *request.method(),
        Method::POST | Method::PUT | Method::PATCH
    ) {
        return Ok(None);
    }
    if !request.headers().contains_key(CONTENT_TYPE) {
        return Ok(None);
    }
    if !is_json(request.headers()) {
        return Err(Problem::of(&kinds::UNSUPPORTED_MEDIA_TYPE));
    }
    let sealed = request.headers().contains_key(X_SERVICE_COMMUNICATION);
    let limit = if sealed { MAX_SEALED_BYTES } else { MAX_BYTES };
    let body = std::mem::take(request.body_mut());
    parse(&read(body, limit).await?).map(Some)
}

/// Parses JSON text. The parser rejects nesting deeper than 128, so code that later recurses over the
/// document cannot exhaust the stack.
///
/// Rejects a body that would take too much memory: a megabyte of `{"":0},` would take a hundred
/// megabytes and abort the instance with all its requests.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Problem> {
    if parsed_bytes(text) > MAX_PARSED_BYTES {
        let detail = "The body has more values than can be read at once.";
        return Err(Problem::new(&kinds::BODY_TOO_LARGE, detail));
    }
    // Not `from_slice`: all other texts are read as `str`, and a component contains each parser that it uses.
    let text = str::from_utf8(text).map_err(|error| {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        let last_line = before.rsplit(|byte| *byte == b'\n').next();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        malformed(line, last_line.map_or(0, <[u8]>::len) + 1)
    })?;
    serde_json::from_str(text).map_err(|error| malformed(error.line(), error.column()))
}

fn malformed(line: usize, column: usize) -> Problem {
    let detail = format!("The body is not JSON: see line {line}, column {column}.");
    Problem::new(&kinds::MALFORMED_JSON, detail)
}

/// Returns an upper bound of the memory of the parsed document without its strings. `serde_json`'s
/// `Value` allocates this much for an object (a node of its tree) and for an element. The count
/// includes the same characters within strings, which only makes the bound higher.
fn parsed_bytes(text: &[u8]) -> usize {
    let cost = |byte: &u8| match byte {
        b'{' => 640,
        b'[' | b',' => 64,
        _ => 0,
    };
    text.iter().map(cost).sum()
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    // `Content-Length` announces the size. A client that waits for `100 Continue` sends no body then.
    if body.size_hint().upper() > Some(limit as u64) {
        return Err(Problem::of(&kinds::BODY_TOO_LARGE));
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::of(&kinds::BODY_TOO_LARGE)),
        Err(_) => Err(Problem::new(
            &kinds::MALFORMED_JSON,
            "The body ended before it was complete.",
        )),
    }
}

/// Parameters, such as `charset`, do not matter: JSON between systems is UTF-8 (RFC 8259).
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block_on;

    fn of_type(content_type: &str) -> bool {
        is_json(&HeaderMap::from_iter([(
            CONTENT_TYPE,
            content_type.parse().unwrap(),
        )]))
    }

    #[test]
    fn only_json_types_are_accepted() {
        assert!(of_type("application/json"));
        assert!(of_type("Application/JSON; charset=utf-8"));
        assert!(!of_type("text/plain"));
        assert!(!of_type("application/jsonp"));
        assert!(!of_type("multipart/form-data; boundary=application/json"));
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_body_is_read_up_to_the_limit() {
        let at_limit = block_on(read(Body::from(vec![b' '; MAX_BYTES]), MAX_BYTES));
        assert_eq!(at_limit.unwrap().len(), MAX_BYTES);
        let above = block_on(read(Body::from(vec![b' '; MAX_BYTES + 1]), MAX_BYTES));
        assert_eq!(above.unwrap_err().status(), 413);
    }

    #[test]
    fn a_problem_names_the_place_of_the_mistake() {
        for (text, place) in [
            (&b"{\n \"a\": x}"[..], "line 2, column 7"),
            (b"{\n \"a\": \"\xff\"}", "line 2, column 8"),
            (b"\xff", "line 1, column 1"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.status(), 400);
            let detail = problem.detail();
            assert!(detail.contains(place), "{detail}");
        }
    }

    #[test]
    fn deep_nesting_is_rejected_without_a_stack_overflow() {
        let deep = "[".repeat(MAX_PARSED_BYTES / 64);
        assert_eq!(parse(deep.as_bytes()).unwrap_err().status(), 400);
    }

    #[test]
    fn a_body_that_expands_in_memory_is_rejected() {
        let objects = |count| format!("[{}]", vec![r#"{"":0}"#; count].join(","));
        assert!(parse(objects(2_000).as_bytes()).is_ok());
        let rejected = parse(objects(4_000).as_bytes()).unwrap_err();
        assert_eq!(rejected.kind().name, kinds::BODY_TOO_LARGE.name);
        // What fits into the properties of an event fits here.
        let numbers = format!("[{}0]", "0,".repeat(8_000));
        assert!(parse(numbers.as_bytes()).is_ok());
    }
}
