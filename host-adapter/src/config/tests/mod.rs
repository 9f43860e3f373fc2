//! Whole files of settings, right and wrong.

mod contradictions;
mod databases;
mod fuzz;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use adapter_logging::LogLevel;
use secrecy::ExposeSecret;

use super::layers::Layers;
use super::{ConfigError, Environment, Settings, TokenUse};

/// The file that the project ships.
const SHIPPED: &str = include_str!("../../../../adapter.toml");

const GRANTS: &str = "[components.user]\npostgres = true\n[components.analytics]\n";

fn environment(process: &[(&str, &str)]) -> Environment {
    let process = process
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Environment::new(process, [])
}

pub(super) fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("adapter.toml"), file).unwrap();
    Settings::load(
        project.path(),
        Path::new("adapter.toml"),
        &environment(variables),
    )
}

/// The error's text, which must hold each of `parts`.
#[track_caller]
pub(super) fn check_refused(file: &str, variables: &[(&str, &str)], parts: &[&str]) {
    let error = load(file, variables)
        .expect_err("it must be refused")
        .to_string();
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

/// Key and value of each line of `describe`, without the sources.
fn values(settings: &Settings) -> Vec<String> {
    let text = settings.describe();
    let lines = text
        .lines()
        .map(|line| line.split(" # ").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn mongodb_answers_before_a_request_is_given_up() {
    let file = format!("{GRANTS}[mongodb]\noperation_timeout = \"20s\"");
    check_refused(
        &file,
        &[("MONGODB_URL", "mongodb://h/db")],
        &["`mongodb.operation_timeout` must be shorter than `host.request_timeout`"],
    );
    assert!(load(&file, &[]).is_ok());
    check_refused(
        GRANTS,
        &[("MONGODB_URL", "mongodb://h:port/db")],
        &["`MONGODB_URL` must be a MongoDB URL"],
    );
}

#[test]
fn the_shipped_file_shows_every_key_with_its_default() {
    let shipped = load(SHIPPED, &[]).unwrap();
    let start = SHIPPED.find("[components.user]").unwrap();
    let end = SHIPPED.find("# --- Where peers are.").unwrap();
    let defaults = load(&SHIPPED[start..end], &[]).unwrap();
    assert_eq!(values(&shipped), values(&defaults));

    for (section, keys) in known(SHIPPED) {
        // Each component is a peer. The file shows the table of one, as a comment.
        if section.starts_with("peers.") {
            for key in keys {
                assert!(SHIPPED.contains(&format!("\n# {key} = ")), "peers.{key}");
            }
            continue;
        }
        // Any component may have a level. The table is shown, and explained.
        if section == "log.components" {
            assert!(SHIPPED.contains("\n[log.components]\n# "));
            continue;
        }
        // Grants are explained together, above the first.
        if section.starts_with("components") {
            for key in keys {
                assert!(SHIPPED.contains(&format!("#   {key} ")), "{section}.{key}");
            }
            continue;
        }
        for key in keys
            .iter()
            .filter(|key| section != "listen" || *key == "app")
        {
            check_shown(&shipped, &section, key);
        }
    }
}

/// The keys that were looked for, by table.
fn known(file: &str) -> BTreeMap<String, BTreeSet<String>> {
    let environment = environment(&[]);
    let mut layers = Layers::new("adapter.toml", file.parse().unwrap(), &environment);
    Settings::read(&mut layers, Path::new(""));
    layers.known
}

/// The shipped file must set the key, or show it in a comment if its default is none or differs from
/// machine to machine; and a comment must be above it, or above the keys right before it.
#[track_caller]
fn check_shown(shipped: &Settings, section: &str, key: &str) {
    let (_, text) = SHIPPED.split_once(&format!("\n[{section}]\n")).unwrap();
    let table: Vec<&str> = text
        .lines()
        .take_while(|line| !line.starts_with('['))
        .collect();
    let shows = |line: &str, key: &str| line.starts_with(&format!("{key} = "));
    let hidden = [
        "threads",
        "max_instances",
        "tls_certificate",
        "tls_key",
        "client_ca",
        "seals_directory",
    ];
    let shown = if hidden.contains(&key) || section == "log" && key.ends_with("directory") {
        format!("# {key}")
    } else {
        let mut set = shipped.effective.iter();
        let set = set.find(|set| set.section == section && set.key == key);
        assert_eq!(set.unwrap().source, "adapter.toml", "{section}.{key}");
        key.to_owned()
    };
    let line = table.iter().position(|line| shows(line, &shown));
    let line = line.unwrap_or_else(|| panic!("adapter.toml does not show `{section}.{key}`"));
    let explained = table[..line]
        .iter()
        .rev()
        .take_while(|line| !line.is_empty());
    let explained = explained
        .filter(|line| line.starts_with("# ") && !line.contains(" = "))
        .count();
    assert!(explained > 0, "`{section}.{key}` has no comment");
}

#[test]
fn the_shipped_grants_are_the_least_that_works() {
    let settings = load(SHIPPED, &[]).unwrap();
    let (user, analytics) = (
        &settings.components["user"],
        &settings.components["analytics"],
    );
    assert!(user.postgres && user.passwords);
    assert_eq!(user.tokens, [TokenUse::Issue, TokenUse::Verify]);
    assert_eq!(user.envelopes, ["client", "analytics", "user"]);
    assert_eq!(user.collections, ["activities"]);
    assert!(!analytics.postgres);
    assert_eq!(analytics.tokens, [TokenUse::Verify]);
    let collections = ["events", "event_summaries", "event_users"];
    assert_eq!(analytics.collections, collections);
    let gateway = &settings.components["gateway"];
    let others = settings.components.keys().filter(|name| *name != "gateway");
    assert!(others.eq(&gateway.peers), "{gateway:?}");
    assert_eq!(settings.listen.services["user"].port(), 8002);
    assert!(settings.peers["analytics"].url.is_none());
}

#[test]
fn a_star_grants_every_other_component_and_peer() {
    let all = "[components.gateway]\npeers = [\"*\"]\n[components.user]\n[peers.billing]\n";
    let settings = load(all, &[]).unwrap();
    assert_eq!(settings.components["gateway"].peers, ["billing", "user"]);
    check_refused(
        "[components.gateway]\npeers = [\"*\", \"usr\"]\n[components.user]",
        &[],
        &[
            "`components.gateway.peers` names `usr`",
            "did you mean `user`?",
        ],
    );
    check_refused(
        "[components.gateway]\nenvelopes = [\"*\"]",
        &[],
        &["`components.gateway.envelopes` must be a list"],
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_name_at_any_level() {
    check_refused(
        "[postgres]\nconections = 4",
        &[],
        &[
            "adapter.toml: `postgres.conections`",
            "did you mean `connections`?",
        ],
    );
    check_refused(
        "[postgress]\n",
        &[],
        &["`postgress`", "did you mean `postgres`?"],
    );
    check_refused(
        "colour = 1",
        &[],
        &["adapter.toml: `colour` is not a table of settings; known"],
    );
    check_refused(
        "[components.user]\npeer = []",
        &[],
        &["`components.user.peer`", "did you mean `peers`?"],
    );
    check_refused(
        &format!("{GRANTS}[listen]\nusr = \"127.0.0.1:1\""),
        &[],
        &["`listen.usr`", "did you mean `user`?"],
    );
    check_refused(
        "[peers.a]\nurll = \"\"",
        &[],
        &["`peers.a.urll`", "did you mean `url`?"],
    );
}

#[test]
fn a_wrong_kind_or_range_says_what_was_expected_and_what_it_got() {
    check_refused(
        "[postgres]\nconnections = \"16\"",
        &[],
        &["`postgres.connections` must be an integer from 1 to 1000, got `\"16\"`"],
    );
    check_refused(
        "[postgres]\nconnections = 0",
        &[],
        &["must be an integer from 1 to 1000, got `0`"],
    );
    check_refused(
        "[host]\nidle_timeout = 10",
        &[],
        &["`host.idle_timeout` must be a duration from 100ms to 1h, got `10`"],
    );
    check_refused(
        "[dispatch]\nattempts = 4",
        &[],
        &["`dispatch.attempts` must be an integer from 1 to 3, got `4`"],
    );
    check_refused(
        "[listen]\napp = \"localhost:3000\"",
        &[],
        &["an IP address and port"],
    );
    check_refused(
        "[postgres]\nmax_bytes = \"1MB\"",
        &[],
        &["a size from 1KiB to 64MiB"],
    );
    check_refused("postgres = 1", &[], &["`postgres` must be a table"]);
    check_refused(
        "[peers]\nuser = \"http://host\"",
        &[],
        &["`peers.user` must be a table"],
    );
    check_refused(
        "[log]\nlevel = \"loud\"",
        &[],
        &["`DEBUG`, `INFO`", "got `\"loud\"`"],
    );
}

#[test]
fn components_and_libraries_have_levels_of_their_own() {
    let file =
        format!("{GRANTS}[log.components]\nuser = \"debug\"\n[log.libraries]\nsqlx = \"INFO\"");
    let variables = [("SPINDLE_LOG_COMPONENTS_ANALYTICS", "ERROR")];
    let log = load(&file, &variables).unwrap().log;
    assert_eq!(log.components["user"], LogLevel::Debug);
    assert_eq!(log.components["analytics"], LogLevel::Error);
    assert_eq!(log.libraries.sqlx, LogLevel::Info);
    assert_eq!(log.libraries.hyper, LogLevel::Warning);
    for (table, parts) in [
        ("[log.components]\nusr = \"DEBUG\"", "did you mean `user`?"),
        ("[log.libraries]\nsqlxx = \"DEBUG\"", "did you mean `sqlx`?"),
        ("[log.library]\n", "`log.library` is not a setting"),
        (
            "[log]\nformat = \"xml\"",
            "must be `auto`, `text` or `json`",
        ),
    ] {
        check_refused(&format!("{GRANTS}{table}"), &[], &[parts]);
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let file = "[postgres]\nconnections = 0\nmax_row = 1\n[host]\nmax_instances = true";
    check_refused(
        file,
        &[("SPINDLE_TOKENS_LIFETIME", "long")],
        &[
            "4 settings are not acceptable",
            "`postgres.connections`",
            "`postgres.max_row`",
            "`host.max_instances`",
            "environment: `SPINDLE_TOKENS_LIFETIME` must be a duration",
        ],
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    check_refused(
        "[postgres]\nconnections =\n",
        &[],
        &["`adapter.toml`, line 2: "],
    );
    let error = Settings::load(
        Path::new("/nowhere"),
        Path::new("adapter.toml"),
        &environment(&[]),
    );
    assert!(matches!(error, Err(ConfigError::Unreadable { .. })));
}

#[test]
fn the_environment_wins_over_dotenv_and_both_over_the_file() {
    let project = tempfile::tempdir().unwrap();
    std::fs::write(
        project.path().join("adapter.toml"),
        "[postgres]\nconnections = 2\nmax_rows = 7",
    )
    .unwrap();
    std::fs::write(
        project.path().join(".env"),
        "SPINDLE_POSTGRES_CONNECTIONS=3\nSPINDLE_POSTGRES_MAX_ROWS=8\nLOG_LEVEL=debug\n",
    )
    .unwrap();
    let dotenv = dotenvy::from_path_iter(project.path().join(".env")).unwrap();
    let process = [("SPINDLE_POSTGRES_CONNECTIONS".to_owned(), "4".to_owned())];
    let environment = Environment::new(process, dotenv.map(Result::unwrap));
    let settings = Settings::load(project.path(), Path::new("adapter.toml"), &environment).unwrap();
    assert_eq!(
        (settings.postgres.connections, settings.postgres.max_rows),
        (4, 8)
    );
    let description = settings.describe();
    for source in [
        "SPINDLE_POSTGRES_CONNECTIONS (environment)",
        "SPINDLE_POSTGRES_MAX_ROWS (.env)",
        "LOG_LEVEL (.env)",
    ] {
        assert!(description.contains(source), "{description}");
    }
}

#[test]
fn variables_override_settings_and_unknown_ones_fail() {
    let settings = load(
        GRANTS,
        &[
            ("SPINDLE_LISTEN_APP", "0.0.0.0:0"),
            ("SPINDLE_LISTEN_USER", "127.0.0.1:0"),
            ("SPINDLE_MIGRATIONS_SKIP", "user, analytics"),
            ("SPINDLE_PEERS_ANALYTICS_URL", "http://10.0.0.7:8001/"),
            ("SPINDLE_PEERS_BILLING_URL", "https://billing"),
            ("SPINDLE_COMPONENTS_USER_PEERS", "billing"),
            ("SPINDLE_KEYS_DIRECTORY", "/keys"),
        ],
    )
    .unwrap();
    assert_eq!(settings.listen.services["user"].port(), 0);
    assert_eq!(settings.migrations.skip, ["user", "analytics"]);
    assert_eq!(
        settings.peers["analytics"].url.as_deref(),
        Some("http://10.0.0.7:8001")
    );
    assert_eq!(
        settings.peers["billing"].url.as_deref(),
        Some("https://billing")
    );
    assert_eq!(settings.keys.directory, Path::new("/keys"));

    check_refused(
        GRANTS,
        &[("SPINDLE_POSTGRES_CONECTIONS", "4")],
        &[
            "environment: `SPINDLE_POSTGRES_CONECTIONS`",
            "`SPINDLE_POSTGRES_CONNECTIONS`?",
        ],
    );
}
