//! The adapter's HTTP API, `host-adapter serve`: where, how secured, and who may call.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use adapter_api::{ApiSettings, Tls, spin_variable, token_variable};

use super::databases::{note, place_of, read_variable};
use super::reader::Reader;
use super::value::Size;

/// Loopback: beyond it, calls carry passwords over a network, and TLS is required.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);
/// Where `spin up` listens if nothing else is said.
const DEFAULT_APPLICATION: &str = "http://127.0.0.1:3000";
/// The most that a component can sensibly send is a transaction with 50 messages of 256 KiB.
const DEFAULT_MAX_BODY: usize = 16 << 20;
/// Longer than any capability's own limit, so that it can still say what was too slow.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Sixteen instances of sixteen requests each, as Spin runs them; more would wait for connections
/// to PostgreSQL anyway.
const DEFAULT_MAX_REQUESTS: u32 = 256;
/// As many as `max_requests` of four components.
const DEFAULT_MAX_CONNECTIONS: u32 = 1_024;

/// What a token must be, in words.
const TOKEN: &str = "32 to 512 letters, digits and other visible characters, without spaces";

pub(super) fn read<'n>(
    reader: &mut Reader<'_>,
    project: &Path,
    components: impl IntoIterator<Item = &'n String>,
) -> ApiSettings {
    let tokens = components
        .into_iter()
        .filter_map(|name| Some((name.clone(), read_token(reader, project, name)?)))
        .collect();
    let seconds = Duration::from_secs;
    let mut files = (None, None);
    let server = reader.section("server", |section| {
        let mut file = |key| {
            section
                .optional(key)
                .map(|path: PathBuf| project.join(path))
        };
        files = (file("tls_certificate"), file("tls_key"));
        ApiSettings {
            client_ca: file("client_ca"),
            tls: None,
            address: section.value("address", DEFAULT_ADDRESS),
            application: section.value("application", DEFAULT_APPLICATION.to_owned()),
            max_body: section
                .within(
                    "max_body",
                    Size(DEFAULT_MAX_BODY),
                    Size(64 << 10)..=Size(1 << 30),
                )
                .0,
            request_timeout: section.within(
                "request_timeout",
                DEFAULT_REQUEST_TIMEOUT,
                Duration::from_millis(100)..=seconds(300),
            ),
            max_requests: section.within("max_requests", DEFAULT_MAX_REQUESTS, 1..=100_000),
            max_connections: section.within(
                "max_connections",
                DEFAULT_MAX_CONNECTIONS,
                1..=100_000,
            ),
            tokens,
        }
    });
    let tls = match files {
        (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            reader.refuse_setting("server.tls_certificate", "needs `server.tls_key` as well");
            None
        }
        (None, Some(_)) => {
            reader.refuse_setting("server.tls_key", "needs `server.tls_certificate` as well");
            None
        }
    };
    ApiSettings { tls, ..server }
}

fn read_token(reader: &mut Reader<'_>, project: &Path, component: &str) -> Option<SecretString> {
    let own = token_variable(component);
    let (variable, token) = match read_variable(reader, project, &own) {
        Some(token) => (own, token),
        None => {
            let shared = spin_variable(component);
            let token = reader.environment.get(&shared)?.into();
            (shared, token)
        }
    };
    let text: &str = token.expose_secret();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(32..=512).contains(&text.len()) {
        let place = place_of(reader.environment, &variable);
        reader.refuse(place, format!("`{variable}` must be {TOKEN}"));
        return None;
    }
    note(reader, "components", &variable);
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_refused, load};

    const USER: &str = "[components.user]\n[components.analytics]\n";
    const TOKEN: &str = "0123456789abcdefghijklmnopqrstuv";

    #[test]
    fn beyond_loopback_it_has_to_be_tls() {
        let open = "[server]\naddress = \"0.0.0.0:9000\"";
        check_refused(open, &[], &["`server.address`", "`server.tls_certificate`"]);
        let files = "tls_certificate = \"a.pem\"\ntls_key = \"a.key\"";
        assert!(load(&format!("{open}\n{files}"), &[]).is_ok());
        let half = "[server]\ntls_key = \"a.key\"";
        check_refused(
            half,
            &[],
            &["`server.tls_key` needs `server.tls_certificate`"],
        );
        let unused = "[server]\nclient_ca = \"ca.pem\"";
        check_refused(unused, &[], &["`server.client_ca` needs"]);
    }

    #[test]
    fn a_token_is_found_under_the_adapters_name_and_spins() {
        let own = [("USER_ADAPTER_TOKEN", TOKEN)];
        let spins = [("SPIN_VARIABLE_USER_ADAPTER_TOKEN", TOKEN)];
        for variables in [own, spins] {
            let settings = load(USER, &variables).unwrap();
            assert!(settings.server.tokens.contains_key("user"));
            assert!(!settings.describe().contains(TOKEN));
        }
    }

    #[test]
    fn a_token_that_is_short_or_another_components_is_refused_and_not_repeated() {
        let short = [("USER_ADAPTER_TOKEN", "hidden-and-short")];
        check_refused(USER, &short, &["`USER_ADAPTER_TOKEN` must be 32 to 512"]);
        let error = load(USER, &short).unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
        let same = [
            ("USER_ADAPTER_TOKEN", TOKEN),
            ("ANALYTICS_ADAPTER_TOKEN", TOKEN),
        ];
        check_refused(USER, &same, &["another component's token"]);
    }

    #[test]
    fn a_call_outlasts_what_it_waits_for() {
        let short = "[server]\nrequest_timeout = \"4s\"";
        check_refused(short, &[], &["`server.request_timeout` (4s)"]);
    }
}
