//! What the driver's errors mean to a caller.
//!
//! The driver's own words go to the log only: they name servers, and the server's repeat documents.

use mongodb::error::{Error as DriverError, ErrorKind, WriteFailure};

use super::super::Error;

/// A value that a unique index holds already.
pub(super) const DUPLICATE_KEY: i32 = 11_000;

/// `MaxTimeMSExpired`, `ExceededTimeLimit`, `WriteConcernTimeout`.
const OUT_OF_TIME: [i32; 3] = [50, 262, 64];

/// `BSONObjectTooLarge`, and the same from an update.
const TOO_LARGE: [i32; 3] = [10_334, 17_419, 17_420];

/// `BadValue`, `TypeMismatch`, `PathNotViable`: of an update, that a document is not such that it could
/// be changed that way; of a query, that two of the fields to sort by are arrays.
const NOT_POSSIBLE: [i32; 3] = [2, 14, 28];

/// A server that starts, stops, or is not the primary any more.
const PASSING: [i32; 12] = [
    6, 7, 89, 91, 133, 189, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436,
];

/// Nothing answers, or not the server that was asked.
pub(super) fn unreachable() -> Error {
    Error::Unavailable("MongoDB cannot be reached".to_owned())
}

/// The driver's error as the interface's. [`super::connection::Connection`] logs what is lost here.
pub(super) fn from_driver(error: &DriverError) -> Error {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => from_code(error.code, &error.message),
        ErrorKind::Write(WriteFailure::WriteError(error)) => from_code(error.code, &error.message),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            from_code(error.code, &error.message)
        }
        ErrorKind::InsertMany(error) => {
            let concern = error.write_concern_error.as_ref();
            let first = error.write_errors.iter().flatten().next();
            let first = first.map(|error| (error.code, error.message.as_str()));
            let concern = concern.map(|error| (error.code, error.message.as_str()));
            first
                .or(concern)
                .map_or_else(refused, |(code, message)| from_code(code, message))
        }
        kind if is_connection(kind) => unreachable(),
        _ => refused(),
    }
}

/// Whether the server is away, as opposed to refusing something.
pub(super) fn is_away(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => PASSING.contains(&error.code),
        kind => is_connection(kind),
    }
}

/// What a server says of a document's failure to be stored or changed.
pub(super) fn from_code(code: i32, message: &str) -> Error {
    if code == DUPLICATE_KEY {
        return Error::Invalid(format!(
            "another document has the same value in unique index `{}`",
            index_name(message).unwrap_or("unknown")
        ));
    }
    if OUT_OF_TIME.contains(&code) {
        return Error::Timeout;
    }
    if TOO_LARGE.contains(&code) {
        return Error::TooLarge("a document is larger than MongoDB stores".to_owned());
    }
    if NOT_POSSIBLE.contains(&code) {
        return Error::Invalid("a document has other types than the call needs".to_owned());
    }
    if PASSING.contains(&code) {
        return unreachable();
    }
    refused()
}

/// `name` of `E11000 duplicate key error collection: db.events index: name dup key: { … }`.
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

fn refused() -> Error {
    Error::Unavailable("the document store could not serve the call".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_names_its_index() {
        let message = "E11000 duplicate key error collection: db.events index: by_mail dup key: { mail: \"a\" }";
        let error = from_code(DUPLICATE_KEY, message);
        assert_eq!(
            error.to_string(),
            "another document has the same value in unique index `by_mail`"
        );
    }

    #[test]
    fn a_server_s_codes_become_what_a_caller_can_act_on() {
        assert_eq!(from_code(50, ""), Error::Timeout);
        assert!(matches!(from_code(10_334, ""), Error::TooLarge(_)));
        assert!(matches!(from_code(28, ""), Error::Invalid(_)));
        assert!(matches!(from_code(10_107, ""), Error::Unavailable(_)));
        // What nobody thought of is no fault of the caller.
        assert!(
            matches!(from_code(8_000, "secret"), Error::Unavailable(text) if !text.contains("secret"))
        );
    }
}
