//! Converts the driver's errors for a caller.
//!
//! The original texts are never returned: the driver's name servers, and the server's quote documents.

use mongodb::error::{Error as DriverError, ErrorKind, InsertManyError, WriteFailure};

use super::super::Error;

/// `DuplicateKey`: a unique index already contains the value.
pub(super) const DUPLICATE_KEY: i32 = 11_000;

/// `MaxTimeMSExpired`, `ExceededTimeLimit`, `WriteConcernTimeout`.
const TIMEOUT: [i32; 3] = [50, 262, 64];

/// `BSONObjectTooLarge`, and its equivalents from an update.
const TOO_LARGE: [i32; 3] = [10_334, 17_419, 17_420];

/// `BadValue`, `TypeMismatch`, `PathNotViable`: an update cannot be applied to a document, or two of the
/// sort fields of a query are arrays.
const UNSUITABLE_DOCUMENT: [i32; 3] = [2, 14, 28];

/// The server is starting, stopping, or no longer the primary.
const TRANSIENT: [i32; 12] = [
    6, 7, 89, 91, 133, 189, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436,
];

/// The error for a server that does not answer or cannot serve for now.
pub(super) fn unreachable() -> Error {
    Error::Unavailable("MongoDB cannot be reached".to_owned())
}

/// Converts the driver's error. [`super::connection::Connection`] logs an unreachable server.
pub(super) fn from_driver(error: &DriverError) -> Error {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => from_code(error.code, &error.message),
        ErrorKind::Write(WriteFailure::WriteError(error)) => from_code(error.code, &error.message),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            from_code(error.code, &error.message)
        }
        ErrorKind::InsertMany(error) => from_insert(error),
        kind if is_connection(kind) => unreachable(),
        _ => could_not_serve(),
    }
}

/// Converts the errors of one insert. A duplicate is an outcome of its document and not a failure, so what
/// else failed is what the caller must know.
fn from_insert(error: &InsertManyError) -> Error {
    let rejected = error.write_errors.iter().flatten();
    let rejected = rejected.map(|error| (error.code, error.message.as_str()));
    let concern = error.write_concern_error.iter();
    let concern = concern.map(|error| (error.code, error.message.as_str()));
    let failures = rejected.clone().filter(|(code, _)| *code != DUPLICATE_KEY);
    let first = failures.chain(concern).chain(rejected).next();
    first.map_or_else(could_not_serve, |(code, message)| from_code(code, message))
}

/// Whether the server is unreachable. `false` means that it answered with an error.
pub(super) fn is_unreachable(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => TRANSIENT.contains(&error.code),
        kind => is_connection(kind),
    }
}

/// Converts a server's error code.
pub(super) fn from_code(code: i32, message: &str) -> Error {
    if code == DUPLICATE_KEY {
        return Error::Invalid(format!(
            "another document has the same value in unique index `{}`",
            index_name(message).unwrap_or("unknown")
        ));
    }
    if TIMEOUT.contains(&code) {
        return Error::Timeout;
    }
    if TOO_LARGE.contains(&code) {
        return Error::TooLarge("a document exceeds the maximum size of MongoDB".to_owned());
    }
    if UNSUITABLE_DOCUMENT.contains(&code) {
        return Error::Invalid(
            "a document has fields of types that the call does not support".to_owned(),
        );
    }
    if TRANSIENT.contains(&code) {
        return unreachable();
    }
    could_not_serve()
}

/// Extracts `name` from `E11000 duplicate key error collection: db.events index: name dup key: { … }`.
fn index_name(message: &str) -> Option<&str> {
    let rest = message.split_once(" index: ")?.1;
    rest.split_whitespace().next()
}

fn is_connection(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Authentication { .. }
            | ErrorKind::Shutdown
    )
}

fn could_not_serve() -> Error {
    Error::Unavailable("the document store could not serve the call".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_error_names_the_index() {
        let message = "E11000 duplicate key error collection: db.events index: by_mail dup key: { mail: \"a\" }";
        let error = from_code(DUPLICATE_KEY, message);
        assert_eq!(
            error.to_string(),
            "another document has the same value in unique index `by_mail`"
        );
    }

    #[test]
    fn a_duplicate_does_not_hide_what_else_failed() {
        let insert = |errors: serde_json::Value| {
            from_insert(&serde_json::from_value(errors).expect("the driver's form"))
        };
        let failed = |index: u32, code: i32| serde_json::json!({"index": index, "code": code, "errmsg": "x"});
        let concern =
            serde_json::json!({"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "x"});
        let duplicate = failed(0, DUPLICATE_KEY);
        let late =
            insert(serde_json::json!({"writeErrors": [duplicate], "writeConcernError": concern}));
        assert_eq!(late, Error::Timeout);
        let large = insert(serde_json::json!({"writeErrors": [duplicate, failed(1, 10_334)]}));
        assert!(matches!(large, Error::TooLarge(_)), "{large:?}");
    }

    #[test]
    fn server_codes_become_error_variants() {
        assert_eq!(from_code(50, ""), Error::Timeout);
        assert!(matches!(from_code(10_334, ""), Error::TooLarge(_)));
        assert!(matches!(from_code(28, ""), Error::Invalid(_)));
        assert!(matches!(from_code(10_107, ""), Error::Unavailable(_)));
        // An unknown code is not treated as the caller's fault.
        assert!(
            matches!(from_code(8_000, "secret"), Error::Unavailable(text) if !text.contains("secret"))
        );
    }
}
