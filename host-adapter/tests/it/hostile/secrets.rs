//! Every secret of the processes, and where a component could read it.

use adapter_capabilities::vault::{KeyRing, Policy};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::support::App;

/// What the component may read: that the search finds them shows that it works.
pub(super) const VARIABLE: &str = "found in a variable of hostile";
pub(super) const ENVIRONMENT: &str = "found in the environment of hostile";
const MEMORY: &str = "found in the memory of hostile";

pub(super) const MANAGEMENT_TOKEN: &str = "management-token-of-the-test-of-hostile";

/// A secret by its name.
pub(super) struct Secret {
    name: String,
    bytes: Vec<u8>,
}

impl Secret {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.into(), bytes.into());
        Self { name, bytes }
    }
}

/// The secrets of the processes: keys in each of their forms, passwords of databases, tokens.
pub(super) fn of(app: &App) -> Vec<Secret> {
    let mut secrets = keys(app);
    assert!(secrets.len() >= 3 * 4, "each key has three forms");
    secrets.extend(database_passwords(app));
    secrets.push(Secret::new("management token", MANAGEMENT_TOKEN));
    for (component, token) in app.adapter_tokens() {
        secrets.push(Secret::new(format!("adapter token of {component}"), token));
    }
    secrets
}

fn keys(app: &App) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for entry in app.keys().read_dir().expect("keys") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let file = std::fs::read(&path).expect("a key");
        let key: Value = serde_json::from_slice(&file).expect("JSON");
        let text = ["k", "d"].iter().find_map(|member| key[*member].as_str());
        let text = text.expect("a secret member");
        let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url");
        secrets.push(Secret::new(&name, text));
        secrets.push(Secret::new(&name, hex::encode(&bytes)));
        secrets.push(Secret::new(&name, bytes));
    }
    secrets
}

fn database_passwords(app: &App) -> Vec<Secret> {
    let url = reqwest::Url::parse(app.database.expose_secret()).expect("a URL");
    let database = url.path().trim_start_matches('/').to_owned();
    let admin = url.password().expect("a password");
    let keys = KeyRing::load(app.keys(), &[], &Policy::default()).expect("keys");
    let mut secrets = vec![Secret::new("password of the administrator", admin)];
    for schema in ["hostile", "victim", "documents", "tokens"] {
        let derived = keys.derive(&format!("postgres role {database}_{schema}"));
        let derived = derived.first().expect("a password").secret.expose_secret();
        secrets.push(Secret::new(format!("password of {schema}"), derived));
    }
    secrets
}

/// An answer contains no secret.
pub(super) fn check_text(secrets: &[Secret], answer: &str) {
    for Secret { name, bytes } in secrets {
        let mut windows = answer.as_bytes().windows(bytes.len());
        assert!(!windows.any(|window| window == bytes), "{name}");
    }
}

/// The component finds nothing but what it is meant to have.
pub(super) async fn check_memory(app: &App, secrets: &[Secret]) {
    let controls = [MEMORY, VARIABLE, ENVIRONMENT].map(|text| Secret::new(text, text));
    let wanted: Vec<&Secret> = controls.iter().chain(secrets).collect();
    let inverted = |secret: &&Secret| {
        let bytes: Vec<u8> = secret.bytes.iter().map(|byte| !byte).collect();
        hex::encode(bytes)
    };
    let lines: Vec<String> = wanted.iter().map(inverted).collect();
    let found = super::attempt(app, "search", &lines.join("\n")).await;
    let found = found.lines().map(|line| {
        let (number, place) = line.split_once(' ').expect("a number and a place");
        let number: usize = number.parse().expect("a number");
        (wanted[number].name.as_str(), place)
    });
    let found: Vec<_> = found.collect();
    let mut allowed = vec![
        (MEMORY, "memory"),
        (VARIABLE, "variables"),
        (ENVIRONMENT, "environment"),
    ];
    // On Spin, a component is trusted with its own token (SECURITY.md).
    if app.adapter_tokens().next().is_some() {
        allowed.push(("adapter token of hostile", "variables"));
    }
    assert_eq!(found, allowed);
}
