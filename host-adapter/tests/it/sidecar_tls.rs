//! `host-adapter serve` with TLS: encrypted calls, and client certificates instead of tokens.

use reqwest::Client;
use serde_json::json;

use crate::support::sidecar::StandaloneAdapter;

/// Certificates that one authority signed, as files.
struct Certificates {
    authority: String,
    directory: tempfile::TempDir,
}

impl Certificates {
    fn new(names: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("write");
        };
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let authority = parameters.self_signed(&key).expect("an authority");
        write("ca.pem", &authority.pem());
        let issuer = rcgen::Issuer::new(parameters, key);
        for name in names {
            let key = rcgen::KeyPair::generate().expect("a key");
            let parameters = rcgen::CertificateParams::new(vec![(*name).to_owned()]);
            let signed = parameters.expect("parameters").signed_by(&key, &issuer);
            write(&format!("{name}.pem"), &signed.expect("signed").pem());
            write(&format!("{name}.key"), &key.serialize_pem());
        }
        Self {
            authority: authority.pem(),
            directory,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// The authority, for clients that trust it.
    fn trusted(&self) -> reqwest::Certificate {
        reqwest::Certificate::from_pem(self.authority.as_bytes()).expect("a certificate")
    }

    /// The certificate of `name` with its key.
    fn identity(&self, name: &str) -> reqwest::Identity {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).expect("read");
        let pem = [read(&format!("{name}.pem")), read(&format!("{name}.key"))].concat();
        reqwest::Identity::from_pem(pem.as_bytes()).expect("an identity")
    }

    /// A client that trusts the authority, and presents the certificate of `name`.
    fn client(&self, name: Option<&str>) -> Client {
        let mut builder = Client::builder()
            .no_proxy()
            .tls_certs_only([self.trusted()]);
        if let Some(name) = name {
            builder = builder.identity(self.identity(name));
        }
        builder.build().expect("a client")
    }
}

/// Prepares a call over TLS. The server's certificate is for `localhost`.
fn tls_call(client: &Client, adapter: &StandaloneAdapter) -> reqwest::RequestBuilder {
    let url = adapter.url().replace("127.0.0.1", "localhost");
    client
        .post(format!("{url}/postgres/fetch"))
        .header("spindle-adapter-version", "0.1.0")
        .body(json!(["select 1", []]).to_string())
}

#[tokio::test]
async fn calls_use_tls_if_a_certificate_is_set() {
    let certificates = Certificates::new(&["localhost"]);
    let adapter = StandaloneAdapter::start(&[
        (
            "SPINDLE_SERVER_TLS_CERTIFICATE",
            &certificates.path("localhost.pem"),
        ),
        (
            "SPINDLE_SERVER_TLS_KEY",
            &certificates.path("localhost.key"),
        ),
    ])
    .await;
    assert!(adapter.url().starts_with("https://"), "{}", adapter.url());
    let client = certificates.client(None);
    let answer = tls_call(&client, &adapter).send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
    let token = &adapter.sidecar.tokens["user"];
    let answer = tls_call(&client, &adapter)
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

/// Starts an adapter that identifies its callers by certificates of the authority.
async fn adapter_with_client_ca(certificates: &Certificates) -> StandaloneAdapter {
    StandaloneAdapter::start(&[
        (
            "SPINDLE_SERVER_TLS_CERTIFICATE",
            &certificates.path("localhost.pem"),
        ),
        (
            "SPINDLE_SERVER_TLS_KEY",
            &certificates.path("localhost.key"),
        ),
        ("SPINDLE_SERVER_CLIENT_CA", &certificates.path("ca.pem")),
    ])
    .await
}

#[tokio::test]
async fn a_client_certificate_identifies_its_component() {
    let certificates = Certificates::new(&["localhost", "gateway"]);
    let adapter = adapter_with_client_ca(&certificates).await;
    let gateway = certificates.client(Some("gateway"));
    let answer = tls_call(&gateway, &adapter)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.expect("text");
    assert!(
        text.contains("`gateway` is not granted `postgres`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_certificate_without_a_component_is_rejected() {
    let certificates = Certificates::new(&["localhost", "stranger"]);
    let adapter = adapter_with_client_ca(&certificates).await;
    let stranger = certificates.client(Some("stranger"));
    // A valid token does not replace the certificate.
    let answer = tls_call(&stranger, &adapter)
        .bearer_auth(&adapter.sidecar.tokens["user"])
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_connection_without_a_trusted_certificate_fails() {
    let certificates = Certificates::new(&["localhost"]);
    let adapter = adapter_with_client_ca(&certificates).await;
    let without_certificate = certificates.client(None);
    let token = &adapter.sidecar.tokens["user"];
    let rejected = tls_call(&without_certificate, &adapter).bearer_auth(token);
    assert!(rejected.send().await.is_err());
    // Another authority signed a certificate for the same component.
    let forged = Client::builder()
        .no_proxy()
        .tls_certs_only([certificates.trusted()])
        .identity(Certificates::new(&["gateway"]).identity("gateway"))
        .build()
        .expect("a client");
    assert!(tls_call(&forged, &adapter).send().await.is_err());
}
