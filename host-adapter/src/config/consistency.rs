//! Settings that are fine each for itself and make no sense together.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::databases::component_variable;
use super::nearest::suggestion;
use super::reader::Reader;
use super::value::Value;
use super::{Grants, Settings};
use adapter_api::token_variable;

/// The outside caller, which holds a key but is no service.
const CLIENT: &str = "client";

pub(super) fn check(settings: &Settings, reader: &mut Reader<'_>) {
    check_times(settings, reader);
    check_sizes(settings, reader);
    check_addresses(settings, reader);
    check_grants(settings, reader);
    check_migrations(settings, reader);
    check_databases(settings, reader);
    check_server(settings, reader);
}

/// Whoever waits must wait longer than what is waited for, else the outer limit hides the inner.
fn check_times(settings: &Settings, reader: &mut Reader<'_>) {
    let request = ("host.request_timeout", settings.host.request_timeout);
    let call = ("server.request_timeout", settings.server.request_timeout);
    let readable = (
        "keys.old_keys_readable_for",
        settings.keys.old_keys_readable_for,
    );
    let shorter = [
        (
            (
                "postgres.acquire_timeout",
                settings.postgres.acquire_timeout,
            ),
            request,
        ),
        (
            (
                "postgres.statement_timeout",
                settings.postgres.statement_timeout,
            ),
            request,
        ),
        (("dispatch.timeout", settings.dispatch.timeout), request),
        (("health.timeout", settings.health.timeout), request),
        (
            (
                "postgres.statement_timeout",
                settings.postgres.statement_timeout,
            ),
            call,
        ),
        (("dispatch.timeout", settings.dispatch.timeout), call),
        (("health.timeout", settings.health.timeout), call),
        (("tokens.lifetime", settings.tokens.lifetime), readable),
        (("envelopes.max_age", settings.envelopes.max_age), readable),
    ];
    let mongodb = &settings.mongodb;
    let mongodb = [
        ("mongodb.acquire_timeout", mongodb.acquire_timeout),
        ("mongodb.operation_timeout", mongodb.operation_timeout),
    ];
    // Where there is none, nobody need care.
    let in_use = settings.databases.mongodb.is_some();
    let mongodb = mongodb.map(|inner| (inner, request));
    for ((path, inner), outer) in shorter
        .into_iter()
        .chain(mongodb.into_iter().filter(|_| in_use))
    {
        if inner >= outer.1 {
            refuse_order(reader, path, inner, "shorter than", outer);
        }
    }
    let cap = ("dispatch.backoff_cap", settings.dispatch.backoff_cap);
    if settings.dispatch.backoff_base > cap.1 {
        let base = settings.dispatch.backoff_base;
        refuse_order(reader, "dispatch.backoff_base", base, "at most", cap);
    }
}

fn refuse_order(
    reader: &mut Reader<'_>,
    path: &str,
    value: Duration,
    relation: &str,
    (other, limit): (&str, Duration),
) {
    let text = format!(
        "must be {relation} `{other}` ({}), got `{}`",
        limit.show(),
        value.show()
    );
    reader.refuse_setting(path, &text);
}

fn check_sizes(settings: &Settings, reader: &mut Reader<'_>) {
    let memory = settings.host.memory_per_instance;
    let within_memory = [
        ("postgres.max_bytes", settings.postgres.max_bytes),
        ("documents.max_bytes", settings.documents.max_bytes),
        ("dispatch.max_body", settings.dispatch.max_body),
    ];
    for (path, bytes) in within_memory {
        if bytes >= memory {
            reader.refuse_setting(path, "must be less than `host.memory_per_instance`");
        }
    }
    if settings.passwords.memory_kib < 8 * settings.passwords.parallelism {
        reader.refuse_setting(
            "passwords.memory_kib",
            "must be at least 8 times `passwords.parallelism`",
        );
    }
}

fn check_addresses(settings: &Settings, reader: &mut Reader<'_>) {
    let mut taken: Vec<(String, SocketAddr)> = vec![("app".to_owned(), settings.listen.app)];
    for (name, address) in &settings.listen.services {
        if let Some((other, _)) = taken.iter().find(|(_, taken)| overlap(*taken, *address)) {
            let text = format!("is `{address}`, which `listen.{other}` takes already");
            reader.refuse_setting(&format!("listen.{name}"), &text);
        }
        taken.push((name.clone(), *address));
    }
}

/// Port 0 is a new port each time, and an unspecified address is all addresses.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (everywhere || one.ip() == other.ip())
}

fn check_grants(settings: &Settings, reader: &mut Reader<'_>) {
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
                reader.refuse_setting(&format!("components.{component}.{key}"), &text);
            }
        }
    }
}

fn check_migrations(settings: &Settings, reader: &mut Reader<'_>) {
    let components: Vec<&str> = settings.components.keys().map(String::as_str).collect();
    for name in &settings.migrations.skip {
        if !components.contains(&name.as_str()) {
            let suggestion = suggestion(name, components.iter().copied());
            let text = format!("names `{name}`, which is no component{suggestion}");
            reader.refuse_setting("migrations.skip", &text);
        }
    }
}

fn check_databases(settings: &Settings, reader: &mut Reader<'_>) {
    let documents_in_postgres = settings.databases.mongodb.is_none();
    let needed = |grants: &Grants| grants.needs_database(documents_in_postgres);
    let needed = settings.components.values().any(needed);
    if settings.production && needed && settings.databases.postgres.is_none() {
        let text = "with `PRODUCTION=true` there is no private PostgreSQL: set `DATABASE_URL`";
        reader.refuse("environment", text.to_owned());
    }
    for (component, grants) in &settings.components {
        let variable = component_variable(component);
        let own = settings.databases.components.contains_key(component);
        if own && !grants.postgres {
            let text = format!("`{variable}` is set, but `{component}` is not granted `postgres`");
            reader.refuse("environment", text.to_owned());
        }
    }
}

/// What leaves this machine is encrypted, and every caller is told from every other.
fn check_server(settings: &Settings, reader: &mut Reader<'_>) {
    let server = &settings.server;
    if !server.address.ip().is_loopback() && server.tls.is_none() {
        let text =
            "is not a loopback address, which needs `server.tls_certificate` and `server.tls_key`";
        reader.refuse_setting("server.address", text);
    }
    if server.client_ca.is_some() && server.tls.is_none() {
        let text = "needs `server.tls_certificate` and `server.tls_key` as well";
        reader.refuse_setting("server.client_ca", text);
    }
    if server.application.parse::<reqwest::Url>().is_err() {
        reader.refuse_setting(
            "server.application",
            "must be a URL such as `http://127.0.0.1:3000`",
        );
    }
    let mut seen = BTreeSet::new();
    for (component, token) in &server.tokens {
        if !seen.insert(token.expose_secret()) {
            let variable = token_variable(component);
            reader.refuse(
                "environment",
                format!("`{variable}` is another component's token too"),
            );
        }
    }
}
