//! An HTTP client whose answers are easy to assert on.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;

use super::reference;

/// A response with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A header's value, or an empty string if the header is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// Asserts the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Asserts a problem (RFC 9457) of this status and type.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, name: &str) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{name}"), "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        assert!(
            problem["title"].is_string() && problem["instance"].is_string(),
            "{self:?}"
        );
        self
    }

    /// The sorted pointers of the errors in a 422 problem.
    #[track_caller]
    pub(crate) fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no errors: {self:?}"));
        let mut pointers: Vec<String> = errors
            .iter()
            .map(|error| error["pointer"].as_str().expect("pointer").to_owned())
            .collect();
        pointers.sort();
        pointers
    }
}

/// A client that keeps its connections.
pub(crate) fn client() -> reqwest::Client {
    // The program does this when it starts. Here, any test may be the first to need it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // It trusts no one, because tests speak plain HTTP: to read the machine's certificates takes longer than most
    // requests.
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(super::TIMEOUT)
        .build()
        .expect("client")
}

/// A request that is not sent yet.
pub(crate) struct Request(pub(crate) reqwest::RequestBuilder);

impl Request {
    pub(crate) fn new(method: Method, url: &str) -> Self {
        // Each request has its own client, so that tests do not share connections.
        Self(client().request(method, url))
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// A JSON body, valid or not.
    pub(crate) fn text(self, body: &str) -> Self {
        Self(
            self.0
                .header("content-type", "application/json")
                .body(body.to_owned()),
        )
    }

    /// Sends the request. An answer that the API reference does not document fails the test.
    pub(crate) async fn send(self) -> Answer {
        let (client, request) = self.0.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer {
            status,
            headers,
            text: response.text().await.expect("a body"),
        };
        reference::check(method.as_str(), &path, &answer);
        answer
    }
}

impl Answer {
    /// Asserts a sealed problem of this status.
    #[track_caller]
    pub(crate) fn expect_sealed_problem(self, app: &super::App, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let problem = app.open(&self.text);
        assert_eq!(problem["status"], status, "{problem}");
        self
    }
}
