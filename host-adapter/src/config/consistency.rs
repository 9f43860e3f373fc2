//! Checks for settings that are valid on their own but contradict each other.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::databases::component_variable;
use super::layers::Layers;
use super::nearest::suggestion;
use super::{Grants, Settings};
use adapter_api::{ApiSettings, token_variable};
use adapter_capabilities::vault::ReplayScope;
use adapter_settings::parse_duration;

/// The outside caller, which holds a key but is no service.
const CLIENT: &str = "client";

pub(super) fn check(settings: &Settings, layers: &mut Layers<'_>) {
    check_times(settings, layers);
    check_sizes(settings, layers);
    check_addresses(settings, layers);
    check_grants(settings, layers);
    check_migrations(settings, layers);
    check_databases(settings, layers);
    check_server(settings, layers);
}

/// Inner and outer time limits. The inner one must be shorter, or it never takes effect.
const SHORTER: [(&str, &str); 9] = [
    ("postgres.acquire_timeout", "host.request_timeout"),
    ("postgres.statement_timeout", "host.request_timeout"),
    ("dispatch.timeout", "host.request_timeout"),
    ("health.timeout", "host.request_timeout"),
    ("postgres.statement_timeout", "server.request_timeout"),
    ("dispatch.timeout", "server.request_timeout"),
    ("health.timeout", "server.request_timeout"),
    ("tokens.lifetime", "keys.old_keys_readable_for"),
    ("envelopes.max_age", "keys.old_keys_readable_for"),
];

/// These only matter where MongoDB is used.
const SHORTER_WITH_MONGODB: [(&str, &str); 2] = [
    ("mongodb.acquire_timeout", "host.request_timeout"),
    ("mongodb.operation_timeout", "host.request_timeout"),
];

fn check_times(settings: &Settings, layers: &mut Layers<'_>) {
    let mongodb = SHORTER_WITH_MONGODB.iter();
    let mongodb = mongodb.filter(|_| settings.databases.mongodb.is_some());
    for (inner, outer) in SHORTER.iter().chain(mongodb) {
        check_order(layers, inner, "shorter than", outer, |inner, outer| {
            inner < outer
        });
    }
    let (base, cap) = ("dispatch.backoff_base", "dispatch.backoff_cap");
    check_order(layers, base, "at most", cap, |base, cap| base <= cap);
}

fn check_order(
    layers: &mut Layers<'_>,
    path: &str,
    relation: &str,
    other: &str,
    holds: impl Fn(Duration, Duration) -> bool,
) {
    let (value, limit) = (layers.text(path), layers.text(other));
    let durations = parse_duration(&value).zip(parse_duration(&limit));
    if durations.is_some_and(|(value, limit)| !holds(value, limit)) {
        let text = format!("must be {relation} `{other}` ({limit}), got `{value}`");
        layers.reject_setting(path, &text);
    }
}

fn check_sizes(settings: &Settings, layers: &mut Layers<'_>) {
    let memory = settings.host.memory_per_instance;
    let within_memory = [
        ("postgres.max_bytes", settings.postgres.max_bytes),
        ("documents.max_bytes", settings.documents.max_bytes),
        ("dispatch.max_body", settings.dispatch.max_body),
    ];
    for (path, bytes) in within_memory {
        if bytes >= memory {
            layers.reject_setting(path, "must be less than `host.memory_per_instance`");
        }
    }
    if settings.passwords.memory_kib < 8 * settings.passwords.parallelism {
        layers.reject_setting(
            "passwords.memory_kib",
            "must be at least 8 times `passwords.parallelism`",
        );
    }
}

fn check_addresses(settings: &Settings, layers: &mut Layers<'_>) {
    let mut taken: Vec<(String, SocketAddr)> = vec![("app".to_owned(), settings.listen.app)];
    for (name, address) in &settings.listen.services {
        if let Some((other, _)) = taken.iter().find(|(_, taken)| overlap(*taken, *address)) {
            let text = format!("is `{address}`, which `listen.{other}` takes already");
            layers.reject_setting(&format!("listen.{name}"), &text);
        }
        taken.push((name.clone(), *address));
    }
}

/// Port 0 is a new port each time. An unspecified address, such as `0.0.0.0`, includes all others.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (everywhere || one.ip() == other.ip())
}

fn check_grants(settings: &Settings, layers: &mut Layers<'_>) {
    let peers: BTreeSet<&str> = settings.peers.keys().map(String::as_str).collect();
    let mut sealers = peers.clone();
    sealers.insert(CLIENT);
    for (component, grants) in &settings.components {
        for (key, names, known) in [
            ("peers", &grants.peers, &peers),
            ("envelopes", &grants.envelopes, &sealers),
        ] {
            for name in names.iter().filter(|name| !known.contains(name.as_str())) {
                let suggestion = suggestion(name, known.iter().copied());
                let text = format!("names `{name}`, which is no component and no peer{suggestion}");
                layers.reject_setting(&format!("components.{component}.{key}"), &text);
            }
        }
    }
}

fn check_migrations(settings: &Settings, layers: &mut Layers<'_>) {
    let components: Vec<&str> = settings.components.keys().map(String::as_str).collect();
    for name in &settings.migrations.skip {
        if !components.contains(&name.as_str()) {
            let suggestion = suggestion(name, components.iter().copied());
            let text = format!("names `{name}`, which is no component{suggestion}");
            layers.reject_setting("migrations.skip", &text);
        }
    }
}

fn check_databases(settings: &Settings, layers: &mut Layers<'_>) {
    let documents_in_postgres = settings.databases.mongodb.is_none();
    let needed = |grants: &Grants| grants.needs_database(documents_in_postgres);
    let needed = settings.components.values().any(needed)
        || settings.envelopes.replay_scope == ReplayScope::Database;
    if settings.production && needed && settings.databases.postgres.is_none() {
        let text = "with `PRODUCTION=true` there is no private PostgreSQL: set `DATABASE_URL`";
        layers.reject("environment", text.to_owned());
    }
    for (component, grants) in &settings.components {
        let variable = component_variable(component);
        let own = settings.databases.components.contains_key(component);
        if own && !grants.postgres {
            let text = format!("`{variable}` is set, but `{component}` is not granted `postgres`");
            layers.reject("environment", text.to_owned());
        }
    }
}

fn check_tls_files(server: &ApiSettings, layers: &mut Layers<'_>) {
    match (&server.tls_certificate, &server.tls_key) {
        (Some(_), None) => {
            layers.reject_setting("server.tls_certificate", "needs `server.tls_key` as well");
        }
        (None, Some(_)) => {
            layers.reject_setting("server.tls_key", "needs `server.tls_certificate` as well");
        }
        _ => {}
    }
}

/// Checks that the API uses TLS beyond loopback, and that no two components share a token.
fn check_server(settings: &Settings, layers: &mut Layers<'_>) {
    let server = &settings.server;
    check_tls_files(server, layers);
    let plain = server.tls_certificate.is_none() && server.tls_key.is_none();
    if !server.address.ip().is_loopback() && plain {
        let text =
            "is not a loopback address, which needs `server.tls_certificate` and `server.tls_key`";
        layers.reject_setting("server.address", text);
    }
    if server.client_ca.is_some() && plain {
        let text = "needs `server.tls_certificate` and `server.tls_key` as well";
        layers.reject_setting("server.client_ca", text);
    }
    if server.application.parse::<reqwest::Url>().is_err() {
        layers.reject_setting(
            "server.application",
            "must be a URL such as `http://127.0.0.1:3000`",
        );
    }
    let mut seen = BTreeSet::new();
    for (component, token) in &server.tokens {
        if !seen.insert(token.expose_secret()) {
            let variable = token_variable(component);
            layers.reject(
                "environment",
                format!("`{variable}` is another component's token too"),
            );
        }
    }
}
