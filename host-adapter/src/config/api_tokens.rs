//! The tokens of components that call the adapter's API, from variables only.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use adapter_api::{spin_variable, token_variable};

use super::databases::{note, place_of, read_variable};
use super::layers::Layers;

/// What a token must be, in words.
const TOKEN: &str = "32 to 512 letters, digits and other visible characters, without spaces";

pub(super) fn read<'n>(
    layers: &mut Layers<'_>,
    project: &Path,
    components: impl IntoIterator<Item = &'n String>,
) -> BTreeMap<String, SecretString> {
    let tokens = components.into_iter();
    tokens
        .filter_map(|name| Some((name.clone(), read_token(layers, project, name)?)))
        .collect()
}

fn read_token(layers: &mut Layers<'_>, project: &Path, component: &str) -> Option<SecretString> {
    let own = token_variable(component);
    let (variable, token) = match read_variable(layers, project, &own) {
        Some(token) => (own, token),
        None => {
            let shared = spin_variable(component);
            let token = layers.environment.get(&shared)?.into();
            (shared, token)
        }
    };
    let text: &str = token.expose_secret();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(32..=512).contains(&text.len()) {
        let place = place_of(layers.environment, &variable);
        layers.reject(place, format!("`{variable}` must be {TOKEN}"));
        return None;
    }
    note(layers, "components", &variable);
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
    fn short_or_shared_tokens_are_rejected_and_not_shown() {
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
