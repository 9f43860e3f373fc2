//! The API reference of a service: an OpenAPI 3.1 document, made from the rules that validate and the
//! routes that serve.
//!
//! The document is made natively by a test, which compares it with `openapi.json` in the component's
//! folder. The component has that file's text in it and serves it, so nothing is computed at run time
//! and nothing here ends up in a `.wasm`: [`crate::routing::Routes`] describes no handler there.

mod components;
mod document;
mod example;
mod fresh;
mod member;
mod operation;
mod properties;
mod responses;
mod schema;

pub(crate) use components::{ACCESS_TOKEN, BEARER, OPERATOR, SERVICE};
pub use document::document;
pub use example::example;
pub use fresh::check;
pub use member::member;
pub use operation::Operation;
pub use properties::{Properties, Property};
pub use schema::{Schema, nullable};
pub use serde_json::Value;
pub use service_kit_macros::Schema;

/// What an argument or the result of a handler means for clients.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be described to clients",
    note = "a handler's answer is `Answer<T>` or `Created<T>`, where `T` needs `#[derive(Schema)]`; \
            for an extractor of your own, implement `service_kit::openapi::Describe`"
)]
pub trait Describe {
    /// Add it to the description of the handler.
    fn describe(operation: &mut Operation);
}

impl<T: Describe> Describe for crate::Result<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// Text, as tests answer it.
impl Describe for &'static str {
    fn describe(operation: &mut Operation) {
        operation.answers_with(200, "text/plain", String::schema());
    }
}

/// A handler that always fails: [`crate::routing::Methods::problems`] says with what.
impl Describe for crate::Problem {
    fn describe(_: &mut Operation) {}
}
