//! The kinds of problem that all services share. A service adds its own with [`crate::kind!`].
//!
//! The texts are answered, written into the API reference, and shown on the page of each kind.

use serde::Serialize;
use serde_json::{Value, json};

use crate::openapi::member;

/// A kind of problem: what its answers have in common.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// HTTP status.
    pub status: u16,
    /// Stable name: `type` in the answer is `/problems/<name>`. Clients branch on it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// The default detail, for a problem without a more precise one.
    pub detail: &'static str,
    /// What a client should do, as sentences.
    pub remedy: &'static str,
}

impl Kind {
    /// `type` in the answer, and the path of the page that explains the kind.
    #[must_use]
    pub fn type_path(&self) -> String {
        format!("/problems/{}", self.name)
    }

    /// An answer of this kind.
    #[must_use]
    pub fn example(&self, detail: &str) -> Value {
        let mut example = json!({
            "type": self.type_path(), "title": self.title, "status": self.status,
            "detail": detail, "instance": "/api/v1/…",
        });
        if self.name == INVALID_FIELDS.name {
            let error =
                json!({"pointer": "/email", "message": "`email` is required.", "code": "required"});
            *member(&mut example, "errors") = json!([error]);
        }
        example
    }
}

/// A kind of problem of a service's own: status, name, title, detail, and what a client should do.
/// The last one may be left out where the detail says it.
///
/// ```
/// use service_kit::{kind, problem::Kind};
///
/// let taken: &'static Kind = kind!(
///     409,
///     "email-taken",
///     "E-mail address taken",
///     "Another user has this address.",
///     "Log in, or register with another address."
/// );
/// assert_eq!(taken.status, 409);
/// ```
#[macro_export]
macro_rules! kind {
    ($status:literal, $name:literal, $title:literal, $detail:literal $(,)?) => {
        $crate::kind!(
            $status,
            $name,
            $title,
            $detail,
            "Do not repeat the same request: it would get the same answer.",
        )
    };
    ($status:literal, $name:literal, $title:literal, $detail:literal, $remedy:literal $(,)?) => {
        &$crate::problem::Kind {
            status: $status,
            name: $name,
            title: $title,
            detail: $detail,
            remedy: $remedy,
        }
    };
}

macro_rules! kinds {
    ($($constant:ident = $status:literal $name:literal $title:literal $detail:literal $remedy:literal;)*) => {
        $(
            #[doc = concat!("The answer ", stringify!($status), ": ", $title, ".")]
            pub const $constant: Kind = Kind {
                status: $status,
                name: $name,
                title: $title,
                detail: $detail,
                remedy: $remedy,
            };
        )*

        /// Every kind above.
        pub const ALL: &[Kind] = &[$($constant),*];
    };
}

kinds! {
    MALFORMED_JSON = 400 "malformed-json" "Malformed JSON"
        "The body is not JSON."
        "Send valid JSON (RFC 8259), nested at most 128 deep. `detail` says at which line and column reading stopped.";
    ENCRYPTION_REQUIRED = 400 "encryption-required" "Encryption required"
        "This route takes sealed bodies only: {\"encrypted_data\": \"<compact JWE>\"}."
        "Seal the body for this service, this method and this path, as `host-adapter seal` does. A plain body is accepted only where the variable `production` is `false`.";
    ENVELOPE_INVALID = 400 "envelope-invalid" "Envelope not accepted"
        "The encrypted body could not be accepted."
        "Seal the body again and send it once. An envelope is valid for 60 seconds, for one request, and for the service, method and path that it was sealed for. Check the clock and the key. The answer does not say what was wrong, because that would help an attacker. The log of the service does.";
    IDEMPOTENCY_KEY_INVALID = 400 "idempotency-key-invalid" "Idempotency key not valid"
        "`Idempotency-Key` cannot be used as a key for this request."
        "Make up a key of 1 to 200 visible ASCII characters, such as a UUID, for each request that may be repeated.";
    UNAUTHENTICATED = 401 "unauthenticated" "Authentication required"
        "A valid access token is required."
        "Log in and send the token as `Authorization: Bearer <token>`. A token is valid for 15 minutes. If the answer says that it has expired, log in again.";
    SESSION_ENDED = 401 "session-ended" "Session ended"
        "The access token's session has ended. Log in again."
        "Log in again. The session was ended by a logout, from another session, or by a change of password, so this token will not work any more.";
    FORBIDDEN = 403 "forbidden" "Forbidden"
        "The caller may not do this."
        "Do not repeat the request. `detail` says who may do this. Another token or another key is needed.";
    NOT_FOUND = 404 "not-found" "Not found"
        "There is nothing at this path."
        "Check the path. `/` lists every service with its routes. What is named by an id may have been removed, or may belong to another user.";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "Method not allowed"
        "This path does not take this method; the `Allow` header names those it takes."
        "Use a method that the `Allow` header of the answer names.";
    REQUEST_IN_PROGRESS = 409 "request-in-progress" "Request in progress"
        "A request with the same `Idempotency-Key` is being served."
        "Repeat the request with the same key in a moment. It then gets the answer of the first one.";
    BODY_TOO_LARGE = 413 "body-too-large" "Body too large"
        "The body is larger than 1 MiB."
        "Send less at once. A body with very many small values is too large earlier, because it is held in memory once it is read.";
    QUERY_TOO_LONG = 414 "query-too-long" "Query string too long"
        "The query string is longer than 4 KiB."
        "Shorten the query string. Parameters that the route does not know count as well.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type" "Unsupported media type"
        "The body has to be `application/json`, and `Content-Type` has to say so."
        "Send JSON with `Content-Type: application/json`. Sealed bodies are JSON, too.";
    INVALID_FIELDS = 422 "invalid-fields" "Invalid fields"
        "Some fields are missing or not acceptable; `errors` names each of them."
        "Correct every field that `errors` names and send the request again. `pointer` says where the field is (RFC 6901), `code` what is wrong with it, for programs. Parameters of the query string are named in the same way.";
    IDEMPOTENCY_KEY_REUSED = 422 "idempotency-key-reused" "Idempotency key used for another request"
        "Another request was sent with this `Idempotency-Key`."
        "Make up a new key for a new request, and repeat a request with the same body.";
    INTERNAL = 500 "internal" "Internal error"
        "The request could not be served because of a fault on our side."
        "Report it together with the `X-Request-ID` of the answer: the log has the cause under this id. Repeating the request may help, if it is safe to repeat.";
    UNAVAILABLE = 503 "unavailable" "Temporarily unavailable"
        "Something that is needed to serve the request does not answer. Try again in a moment."
        "Try again after the seconds that `Retry-After` says, and wait longer each time. `/health` says what is down.";
    // The next three are the host's own (component-host/src/problem.rs): no service answers them.
    REQUEST_TIMEOUT = 408 "request-timeout" "Request timeout"
        "The body came too slowly."
        "Send the whole body at once, or over a faster network. The request did not reach a service, so it is safe to repeat.";
    OVERLOADED = 503 "overloaded" "Overloaded"
        "Too many requests at once. Try again in a moment."
        "Try again after the seconds that `Retry-After` says, and send fewer requests at once. The request did not reach a service, so it is safe to repeat.";
    TIMEOUT = 504 "timeout" "Timeout"
        "The service did not answer in time."
        "Try again later. The request may have been served although its answer was too late, so repeat it only if it is safe to repeat.";
}
