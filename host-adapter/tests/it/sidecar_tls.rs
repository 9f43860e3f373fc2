//! `host-adapter serve` with TLS: encrypted calls, and client certificates instead of tokens.

use std::path::Path;

use reqwest::Client;
use serde_json::json;

use crate::support::sidecar::Served;

/// Certificates of one authority, as files.
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

    /// A client that trusts the authority, and shows the certificate of `name`.
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

/// A call over TLS, where the server's name is `localhost`.
fn secure(client: &Client, served: &Served) -> reqwest::RequestBuilder {
    let url = served.url().replace("127.0.0.1", "localhost");
    client
        .post(format!("{url}/postgres/fetch"))
        .header("spindle-adapter-version", "0.1.0")
        .body(json!(["select 1", []]).to_string())
}

#[tokio::test]
async fn with_a_certificate_calls_are_encrypted() {
    let certificates = Certificates::new(&["localhost"]);
    let served = Served::start(&[
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
    assert!(served.url().starts_with("https://"), "{}", served.url());
    let client = certificates.client(None);
    let answer = secure(&client, &served).send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
    let token = &served.sidecar.tokens["user"];
    let answer = secure(&client, &served)
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn client_certificates_replace_tokens() {
    let certificates = Certificates::new(&["localhost", "gateway", "stranger"]);
    let served = Served::start(&[
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
    let answer = secure(&gateway, &served).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.expect("text");
    assert!(
        text.contains("`gateway` is not granted `postgres`"),
        "{text}"
    );
    let token = &served.sidecar.tokens["user"];
    let stranger = certificates.client(Some("stranger"));
    let answer = secure(&stranger, &served)
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
    let nobody = certificates.client(None);
    assert!(
        secure(&nobody, &served)
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
    assert!(secure(&forged, &served).send().await.is_err());
}
