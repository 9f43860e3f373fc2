//! `host-adapter serve` with TLS: encrypted calls, and client certificates instead of tokens.

use std::path::Path;

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

    /// A client that trusts the authority, and presents the certificate of `name`.
    fn client(&self, name: Option<&str>) -> Client {
        let read = |name: &str| std::fs::read_to_string(Path::new(&self.path(name))).expect("read");
        let authority = reqwest::Certificate::from_pem(self.authority.as_bytes());
        let mut builder = Client::builder()
            .no_proxy()
            .tls_certs_only([authority.expect("a certificate")]);
        if let Some(name) = name {
            let pem = [read(&format!("{name}.pem")), read(&format!("{name}.key"))].concat();
            builder =
                builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).expect("identity"));
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

#[tokio::test]
async fn client_certificates_replace_tokens() {
    let certificates = Certificates::new(&["localhost", "gateway", "stranger"]);
    let adapter = StandaloneAdapter::start(&[
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
    .await;
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
    let token = &adapter.sidecar.tokens["user"];
    let stranger = certificates.client(Some("stranger"));
    let answer = tls_call(&stranger, &adapter)
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
    let without_certificate = certificates.client(None);
    assert!(
        tls_call(&without_certificate, &adapter)
            .bearer_auth(token)
            .send()
            .await
            .is_err()
    );
    let other = Certificates::new(&["gateway"]);
    let forged = Client::builder()
        .no_proxy()
        .tls_certs_only([
            reqwest::Certificate::from_pem(certificates.authority.as_bytes()).expect("pem"),
        ])
        .identity({
            let read = |name| std::fs::read_to_string(other.path(name)).expect("read");
            let pem = [read("gateway.pem"), read("gateway.key")].concat();
            reqwest::Identity::from_pem(pem.as_bytes()).expect("identity")
        })
        .build()
        .expect("a client");
    assert!(tls_call(&forged, &adapter).send().await.is_err());
}
