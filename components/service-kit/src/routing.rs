//! Routes: which path takes which method, how its bodies travel, and what clients are told about it.

use std::pin::Pin;

use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::json;
use uuid::Uuid;

use crate::body::{Document, read_document};
use crate::description::{Encryption, Route};
use crate::exchange;
use crate::local::local;
use crate::openapi::{Describe, Operation};
use crate::problem::{Problem, kinds};
use crate::sealing::{Plain, guard};

/// The routes of a service, to be read as a list.
///
/// A path that cannot be a route, such as `/notes/:id` instead of `/notes/{id}`, or a path and method that
/// are there already, panic at the line that adds them.
#[derive(Debug)]
pub struct Routes {
    router: Router,
    production: bool,
    described: Vec<Route>,
    operations: Vec<Operation>,
}

/// The handlers of a path, by method.
#[derive(Debug)]
pub struct Methods {
    names: Vec<Method>,
    router: MethodRouter,
    /// What the handlers take and answer; empty in a component.
    operations: Vec<Operation>,
}

impl Routes {
    pub(crate) fn new(production: bool) -> Self {
        Self {
            router: Router::new(),
            production,
            described: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// A route whose requests and answers are never sealed.
    #[must_use]
    #[track_caller]
    pub fn public(mut self, path: &str, methods: Methods) -> Self {
        self.describe(path, &methods, Encryption::Public);
        self.unlisted(path, methods)
    }

    /// A route whose answer is sealed when the request was, or asks for it with
    /// `X-Encrypt-Response: true`.
    #[must_use]
    #[track_caller]
    pub fn optional(mut self, path: &str, methods: Methods) -> Self {
        self.describe(path, &methods, Encryption::Optional);
        self.guarded(path, methods, Plain::Accepted, Encryption::Optional)
    }

    /// Like [`Self::optional`], and in production a plain body is rejected.
    #[must_use]
    #[track_caller]
    pub fn required(mut self, path: &str, methods: Methods) -> Self {
        let plain = if self.production {
            Plain::Rejected
        } else {
            Plain::Accepted
        };
        self.describe(path, &methods, Encryption::Required);
        self.guarded(path, methods, plain, Encryption::Required)
    }

    /// A public route that is left out of the list of routes, but not of the API reference.
    #[must_use]
    #[track_caller]
    pub fn unlisted(self, path: &str, methods: Methods) -> Self {
        self.serve(path, methods, Encryption::Public)
    }

    #[track_caller]
    fn serve(mut self, path: &str, methods: Methods, encryption: Encryption) -> Self {
        self.router = self.router.route(path, methods.router);
        let operations = methods.operations.into_iter();
        self.operations
            .extend(operations.map(|operation| Operation {
                path: path.to_owned(),
                encryption,
                ..operation
            }));
        self
    }

    /// The routes so far, except those that every service has.
    pub(crate) fn described(&self) -> &[Route] {
        &self.described
    }

    pub(crate) fn into_router(self) -> Router {
        self.router
            .fallback(async || Problem::of(&kinds::NOT_FOUND))
            .method_not_allowed_fallback(async || Problem::of(&kinds::METHOD_NOT_ALLOWED))
    }

    /// What the handlers take and answer, in the order of the routes.
    pub(crate) fn into_operations(self) -> Vec<Operation> {
        self.operations
    }

    #[track_caller]
    fn guarded(
        self,
        path: &str,
        mut methods: Methods,
        plain: Plain,
        encryption: Encryption,
    ) -> Self {
        let layer = from_fn(move |request: Request, next: Next| {
            exchange::found_route(&request);
            local(guard(plain, request, next))
        });
        methods.router = methods.router.route_layer(layer);
        self.serve(path, methods, encryption)
    }

    fn describe(&mut self, path: &str, methods: &Methods, encryption: Encryption) {
        self.described
            .extend(methods.names.iter().map(|method| Route {
                method: method.to_string(),
                path: path.to_owned(),
                encryption,
            }));
    }
}

impl Methods {
    /// These handlers and those of other methods.
    #[must_use]
    #[track_caller]
    pub fn merge(mut self, other: Self) -> Self {
        self.names.extend(other.names);
        self.operations.extend(other.operations);
        self.router = self.router.merge(other.router);
        self
    }

    /// What the last of the handlers does, for clients: sentences, the first of which is a summary.
    #[must_use]
    pub fn about(mut self, about: &str) -> Self {
        if let Some(operation) = self.operations.last_mut() {
            about.clone_into(&mut operation.about);
        }
        self
    }

    /// What the last of the handlers is called in clients' programs; by default what its function is
    /// called.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        if let Some(operation) = self.operations.last_mut() {
            name.clone_into(&mut operation.id);
        }
        self
    }

    /// Leave the handlers out of the API reference: they serve parts of pages.
    #[must_use]
    pub fn undocumented(mut self) -> Self {
        self.operations.clear();
        self
    }

    /// The problems that the last of the handlers itself may answer with. Those of its arguments are
    /// known, and so are `internal` and `unavailable`.
    #[must_use]
    pub fn problems<P: Into<Problem>>(mut self, problems: impl IntoIterator<Item = P>) -> Self {
        if let Some(operation) = self.operations.last_mut() {
            for problem in problems {
                let problem = problem.into();
                operation.fails_with_detail(problem.kind(), problem.detail());
            }
        }
        self
    }

    fn of<T: 'static, H: Handler<T>>(name: Method, filter: MethodFilter, handler: H) -> Self {
        let operations = if IS_COMPONENT {
            Vec::new()
        } else {
            vec![operation::<T, H>(&name)]
        };
        let answer = move |request: Request| {
            exchange::found_route(&request);
            local(with_body(handler, request))
        };
        Self {
            names: vec![name],
            router: on(filter, answer),
            operations,
        }
    }
}

/// A component serves the document that a native test made. So it does not contain what makes it.
const IS_COMPONENT: bool = cfg!(target_family = "wasm");

fn operation<T, H: Handler<T>>(method: &Method) -> Operation {
    let id = function_name(std::any::type_name::<H>());
    let about = format!("{}.", id.replace('_', " "));
    let mut operation = Operation {
        method: method.to_string(),
        id: id.to_owned(),
        about,
        ..Operation::default()
    };
    H::describe(&mut operation);
    operation
}

/// The last part of a path such as `user::routes::register`. A `handler` is called as its module.
fn function_name(path: &str) -> &str {
    let path = path.strip_suffix("::handler").unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}

/// Answer `GET` and `HEAD` with a handler.
pub fn get<T: 'static>(handler: impl Handler<T>) -> Methods {
    Methods::of(Method::GET, MethodFilter::GET, handler)
}

/// Answer `POST` with a handler.
pub fn post<T: 'static>(handler: impl Handler<T>) -> Methods {
    Methods::of(Method::POST, MethodFilter::POST, handler)
}

/// Answer `PUT` with a handler.
pub fn put<T: 'static>(handler: impl Handler<T>) -> Methods {
    Methods::of(Method::PUT, MethodFilter::PUT, handler)
}

/// Answer `PATCH` with a handler.
pub fn patch<T: 'static>(handler: impl Handler<T>) -> Methods {
    Methods::of(Method::PATCH, MethodFilter::PATCH, handler)
}

/// Answer `DELETE` with a handler.
pub fn delete<T: 'static>(handler: impl Handler<T>) -> Methods {
    Methods::of(Method::DELETE, MethodFilter::DELETE, handler)
}

/// Reads the body of a public route. That of any other route has been read and opened already.
async fn with_body<T>(handler: impl Handler<T>, mut request: Request) -> Response {
    if request.extensions().get::<Document>().is_none() {
        match read_document(&mut request).await {
            Ok(document) => {
                let document = document.map(Document);
                document.map(|document| request.extensions_mut().insert(document));
            }
            Err(problem) => return problem.into_response(),
        }
    }
    handler.call(request.into_parts().0).await
}

/// Extractor: the part of the path that a route calls `{id}`, which has to be a UUID. Any other
/// text is not found, because nothing has such an id.
#[derive(Debug)]
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
        let mut parameters = parameters.iter().flatten();
        let id = parameters.find_map(|(name, text)| (name == "id").then_some(text));
        let id = id.and_then(|text| Uuid::parse_str(text).ok());
        id.map(Self).ok_or_else(|| Problem::of(&kinds::NOT_FOUND))
    }
}

impl Describe for Id {
    fn describe(operation: &mut Operation) {
        let schema = json!({"type": "string", "format": "uuid"});
        operation.parameters.push(path_parameter("id", &schema));
        operation.fails_with(&kinds::NOT_FOUND);
    }
}

/// Extractor: the part of the path that a route calls `{name}`: a word of lower-case letters, digits
/// and hyphens. Any other text is not found.
#[derive(Debug)]
pub struct Name(pub String);

/// The longest name.
const MAX_NAME: usize = 64;

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
        let mut parameters = parameters.iter().flatten();
        let name = parameters.find_map(|(name, text)| (name == "name").then_some(text));
        let name = name.filter(|name| is_name(name));
        let name = name.map(|name| Self(name.to_owned()));
        name.ok_or_else(|| Problem::of(&kinds::NOT_FOUND))
    }
}

impl Describe for Name {
    fn describe(operation: &mut Operation) {
        let schema = json!({
            "type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": "^[a-z0-9-]+$",
            "examples": ["not-found"],
        });
        operation.parameters.push(path_parameter("name", &schema));
        operation.fails_with(&kinds::NOT_FOUND);
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(allowed)
}

fn path_parameter(name: &str, schema: &serde_json::Value) -> serde_json::Value {
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

/// An `async fn` of up to six extractors that answers a request.
///
/// Like axum's own trait, but the future need not be `Send`, and no extractor takes the body: it
/// has been read, opened and parsed when the handler starts (see [`crate::Input`]).
#[diagnostic::on_unimplemented(
    message = "this function cannot answer a request",
    label = "not a handler",
    note = "a handler is an `async fn` with at most six arguments, each of them an extractor: \
            `Input<T>`, `Query<T>`, `Id`, `Client`, `Bearer`, `Caller`, …",
    note = "the `T` of `Input<T>` and `Query<T>` needs `#[derive(FromFields)]`",
    note = "it returns `Answer<T>`, `Created<T>` or a `Result` of one of them, where `T` needs \
            `#[derive(Serialize, Schema)]`",
    note = "an extractor or an answer of your own needs `service_kit::openapi::Describe`"
)]
pub trait Handler<T>: Clone + Send + Sync + 'static {
    /// Extract the arguments and run the handler; the first extractor that refuses answers.
    fn call(self, parts: Parts) -> Pin<Box<dyn Future<Output = Response>>>;

    /// Describe the arguments and the result.
    fn describe(operation: &mut Operation);
}

macro_rules! implement_handler {
    ($($name:ident: $argument:ident),*) => {
        impl<F, Fut, Res, $($argument,)*> Handler<($($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = Res>,
            Res: IntoResponse + Describe,
            $($argument: FromRequestParts<()> + Describe + Send + 'static,)*
        {
            fn call(self, mut parts: Parts) -> Pin<Box<dyn Future<Output = Response>>> {
                Box::pin(async move {
                    let arguments = <($($argument,)*)>::from_request_parts(&mut parts, &());
                    match arguments.await {
                        Ok(($($name,)*)) => self($($name),*).await.into_response(),
                        Err(rejection) => rejection.into_response(),
                    }
                })
            }

            fn describe(operation: &mut Operation) {
                $($argument::describe(operation);)*
                Res::describe(operation);
            }
        }
    };
}

implement_handler!();
implement_handler!(first: A);
implement_handler!(first: A, second: B);
implement_handler!(first: A, second: B, third: C);
implement_handler!(first: A, second: B, third: C, fourth: D);
implement_handler!(first: A, second: B, third: C, fourth: D, fifth: E);
implement_handler!(first: A, second: B, third: C, fourth: D, fifth: E, sixth: G);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_wrong_path_is_blamed_on_the_line_that_adds_it() {
        let places: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, thread) = (Arc::clone(&places), std::thread::current().id());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == thread {
                let place = panic.location().map(ToString::to_string);
                seen.lock().unwrap().extend(place);
            }
        }));
        let add = |path: &'static str| {
            let routes = || Routes::new(false).optional(path, get(async || "x"));
            std::panic::catch_unwind(routes).is_err()
        };
        let (wrong, right) = (add("/notes/:id"), add("/notes/{id}"));
        std::panic::set_hook(before);
        assert!(wrong && !right);
        let places = places.lock().unwrap();
        assert!(places[0].contains("routing.rs"), "{places:?}");
    }
}
