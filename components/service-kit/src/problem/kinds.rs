//! The kinds of problem that all services share. A service adds its own with [`crate::kind!`].

/// A kind of problem: what its answers have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// HTTP status.
    pub status: u16,
    /// Stable name: `type` in the answer is `/problems/<name>`. Clients branch on it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// The default detail, for a problem without a more precise one.
    pub detail: &'static str,
}

/// A kind of problem of a service's own: status, name, title, detail.
///
/// ```
/// use service_kit::{kind, problem::Kind};
///
/// let taken: &'static Kind =
///     kind!(409, "email-taken", "E-mail address taken", "Another user has this address.");
/// assert_eq!(taken.status, 409);
/// ```
#[macro_export]
macro_rules! kind {
    ($status:literal, $name:literal, $title:literal, $detail:literal $(,)?) => {
        &$crate::problem::Kind {
            status: $status,
            name: $name,
            title: $title,
            detail: $detail,
        }
    };
}

macro_rules! kinds {
    ($($constant:ident = $status:literal $name:literal $title:literal $detail:literal;)*) => {
        $(
            #[doc = concat!("The answer ", stringify!($status), ": ", $title, ".")]
            pub const $constant: Kind = Kind {
                status: $status,
                name: $name,
                title: $title,
                detail: $detail,
            };
        )*
    };
}

kinds! {
    MALFORMED_JSON = 400 "malformed-json" "Malformed JSON"
        "The body is not JSON.";
    ENCRYPTION_REQUIRED = 400 "encryption-required" "Encryption required"
        "This route takes sealed bodies only: {\"encrypted_data\": \"<compact JWE>\"}.";
    ENVELOPE_INVALID = 400 "envelope-invalid" "Envelope not accepted"
        "The encrypted body could not be accepted.";
    UNAUTHENTICATED = 401 "unauthenticated" "Authentication required"
        "A valid access token is required.";
    SESSION_ENDED = 401 "session-ended" "Session ended"
        "The access token's session has ended. Log in again.";
    FORBIDDEN = 403 "forbidden" "Forbidden"
        "The caller may not do this.";
    NOT_FOUND = 404 "not-found" "Not found"
        "There is nothing at this path.";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "Method not allowed"
        "This path does not take this method; the `Allow` header names those it takes.";
    BODY_TOO_LARGE = 413 "body-too-large" "Body too large"
        "The body is larger than 1 MiB.";
    QUERY_TOO_LONG = 414 "query-too-long" "Query string too long"
        "The query string is longer than 4 KiB.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type" "Unsupported media type"
        "The body has to be `application/json`, and `Content-Type` has to say so.";
    INVALID_FIELDS = 422 "invalid-fields" "Invalid fields"
        "Some fields are missing or not acceptable; `errors` names each of them.";
    INTERNAL = 500 "internal" "Internal error"
        "The request could not be served because of a fault on our side.";
    UNAVAILABLE = 503 "unavailable" "Temporarily unavailable"
        "Something that is needed to serve the request does not answer. Try again in a moment.";
}
