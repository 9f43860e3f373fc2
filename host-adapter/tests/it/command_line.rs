//! The program's other commands, and its errors when it cannot start.

use std::{
    path::Path,
    process::{Command, Output},
};

use rstest::rstest;

use crate::support::{App, HostMode, declared, project};

/// Runs the program on a temporary project with this `adapter.toml`.
fn run(settings: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("adapter.toml"), settings).expect("write");
    run_in(directory.path(), environment, arguments)
}

fn run_in(directory: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-adapter"));
    command
        .env_clear()
        .env("SPINDLE_MANAGEMENT_ADDRESS", "127.0.0.1:0")
        .envs(environment.iter().copied())
        .args(arguments)
        .arg("--project")
        .arg(directory);
    command.output().expect("it runs")
}

#[track_caller]
fn expect_failure(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

const CHECK: [&str; 2] = ["config", "check"];

#[test]
fn a_wrong_setting_names_file_key_and_nearest_name() {
    expect_failure(
        &run("[postgres]\nconections = 3\n", &[], &CHECK),
        2,
        &["adapter.toml", "conections", "`connections`"],
    );
    expect_failure(
        &run("[postgers]\n", &[], &CHECK),
        2,
        &["adapter.toml", "postgers", "`postgres`"],
    );
    expect_failure(
        &run("[postgres]\nconnections = \"many\"\n", &[], &CHECK),
        2,
        &["adapter.toml", "connections", "many"],
    );
    expect_failure(
        &run("[postgres]\nconnections = 0\n", &[], &CHECK),
        2,
        &["adapter.toml", "connections", "0"],
    );
    expect_failure(&run("not toml", &[], &CHECK), 2, &["adapter.toml"]);
    expect_failure(
        &run_in(&project().join("wit"), &[], &CHECK),
        2,
        &["adapter.toml"],
    );
}

#[test]
fn a_wrong_variable_is_named() {
    expect_failure(
        &run("", &[("SPINDLE_POSTGRES_CONECTIONS", "3")], &CHECK),
        2,
        &[
            "SPINDLE_POSTGRES_CONECTIONS",
            "SPINDLE_POSTGRES_CONNECTIONS",
        ],
    );
    expect_failure(
        &run("", &[("SPINDLE_POSTGRES_CONNECTIONS", "x")], &CHECK),
        2,
        &["SPINDLE_POSTGRES_CONNECTIONS", "`x`"],
    );
    expect_failure(
        &run("", &[("PRODUCTION", "perhaps")], &CHECK),
        2,
        &["PRODUCTION", "perhaps"],
    );
    expect_failure(
        &run("", &[("DATABASE_URL", "mysql://secret@host/x")], &CHECK),
        2,
        &["DATABASE_URL"],
    );
}

#[test]
fn production_requires_a_database_and_keys() {
    let grants = "[components.user]\npostgres = true\n";
    expect_failure(
        &run(grants, &[("PRODUCTION", "true")], &CHECK),
        2,
        &["DATABASE_URL"],
    );
    let database = ("DATABASE_URL", "postgres://u@127.0.0.1:1/x");
    let environment = [
        ("PRODUCTION", "true"),
        database,
        ("SPINDLE_LISTEN_APP", "127.0.0.1:0"),
        ("SPINDLE_LISTEN_USER", "127.0.0.1:0"),
    ];
    expect_failure(
        &run(grants, &environment, &["up"]),
        1,
        &["key", "host-adapter keys generate"],
    );
}

#[test]
fn development_keys_are_rejected_in_production() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(
        directory.path().join("adapter.toml"),
        "[components.user]\npostgres = true\n",
    )
    .expect("write");
    let seal = ["seal", "--to", "user", "--path", "/x", "{}"];
    assert!(
        run_in(directory.path(), &[], &seal).status.success(),
        "keys are made on first use"
    );
    let environment = [
        ("PRODUCTION", "true"),
        ("DATABASE_URL", "postgres://u@127.0.0.1:1/x"),
    ];
    expect_failure(
        &run_in(directory.path(), &environment, &seal),
        1,
        &["host-adapter keys generate"],
    );
    for owner in ["user", "client", "answers", "tokens", "roles"] {
        let output = run_in(
            directory.path(),
            &[],
            &["keys", "generate", "--owner", owner],
        );
        assert!(output.status.success(), "{output:?}");
    }
    let output = run_in(directory.path(), &environment, &["keys", "list"]);
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        list.contains("active") && list.contains("read-only"),
        "{list}"
    );
}

#[test]
fn key_files_are_accessible_only_to_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("adapter.toml"), "[components.user]\n").expect("write");
    assert!(
        run_in(
            directory.path(),
            &[],
            &["seal", "--to", "user", "--path", "/x", "{}"]
        )
        .status
        .success()
    );
    let keys = directory.path().join(".spindle/keys");
    for entry in std::fs::read_dir(&keys).expect("keys") {
        let mode = entry
            .expect("entry")
            .metadata()
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        keys.metadata().expect("metadata").permissions().mode() & 0o777,
        0o700
    );
}

#[tokio::test]
async fn a_port_in_use_names_the_setting_that_changes_it() {
    let app = App::start(HostMode::Embedded).await;
    let address = app.url("all routes").trim_start_matches("http://");
    let listeners = declared::listeners(&project()).into_iter();
    let environment: Vec<(String, &str)> = listeners
        .map(|(name, _)| match name.as_str() {
            "app" => (declared::variable(&name), address),
            _ => (declared::variable(&name), "127.0.0.1:0"),
        })
        .collect();
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    expect_failure(
        &run_in(&project(), &environment, &["up"]),
        1,
        &[address, "SPINDLE_LISTEN_APP", "listen.app"],
    );
}

#[test]
fn a_missing_mongod_says_what_to_install_or_set() {
    let nothing = tempfile::tempdir().expect("a directory");
    let path = nothing.path().to_str().expect("text");
    let environment = [("PATH", path), ("SPINDLE_LISTEN_APP", "127.0.0.1:0")];
    expect_failure(
        &run("", &environment, &["up", "--mongodb"]),
        1,
        &[
            "no `mongod` in the path",
            "install MongoDB",
            "`MONGODB_URL`",
        ],
    );
}

#[test]
fn config_check_shows_each_setting_with_its_source() {
    let output = run("", &[("SPINDLE_POSTGRES_CONNECTIONS", "7")], &CHECK);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let line = text
        .lines()
        .find(|line| line.starts_with("connections = 7"))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("SPINDLE_POSTGRES_CONNECTIONS"), "{line}");
}

#[test]
fn an_unreachable_mongodb_prevents_the_start() {
    let settings = "[components.user]\ncollections = [\"events\"]\n";
    let environment = [
        ("MONGODB_URL", "mongodb://127.0.0.1/x"),
        ("DATABASE_URL", "postgres://u@127.0.0.1:1/x"),
        ("SPINDLE_LISTEN_APP", "127.0.0.1:0"),
        ("SPINDLE_LISTEN_USER", "127.0.0.1:0"),
    ];
    expect_failure(
        &run(settings, &environment, &["up"]),
        1,
        &["MongoDB", "MONGODB_URL"],
    );
}

#[rstest]
#[case(&["seal", "--to", "usr", "--path", "/x", "{}"], &["`usr`", "`user`"])]
#[case(&["seal", "--to", "user", "--path", "x", "{}"], &["`--path`", "`x`"])]
#[case(&["seal", "--to", "user", "--path", "/x", "--method", "A B", "{}"], &["--method"])]
#[case(&["call", "--to", "usr", "--path", "/x", "{}"], &["`usr`", "`user`"])]
#[case(&["call", "--to", "user", "--path", "/x", "--url", "ftp://x", "{}"], &["`--url`", "ftp://x"])]
#[case(&["call", "--to", "user", "--path", "/x", "--token", "a\nb", "{}"], &["`--token`"])]
#[case(&["migrate", "revert", "--service", "usr"], &["`usr` has no migrations", "`user`"])]
#[case(&["migrate", "new", "--service", "usr", "things"], &["`usr`", "`user`"])]
#[case(&["keys", "generate", "--owner", "usr"], &["`usr`", "`user`"])]
#[case(&["new-service", "user"], &["`user` is a component already"])]
#[case(&["outbox", "show", "usr"], &["usr"])]
#[case(&["reload", "user"], &["control.sock"])]
#[case(&["health"], &["does not run"])]
fn bad_input_is_explained_and_changes_nothing(#[case] arguments: &[&str], #[case] words: &[&str]) {
    let directory = tempfile::tempdir().expect("a directory");
    let migrations = directory.path().join("migrations/user");
    std::fs::create_dir_all(&migrations).expect("create");
    std::fs::write(migrations.join("0001_users.up.sql"), "").expect("write");
    let settings = "[management]\naddress = \"127.0.0.1:1\"\n[components.user]\n";
    std::fs::write(directory.path().join("adapter.toml"), settings).expect("write");
    let output = run_in(
        directory.path(),
        &[("SPINDLE_MANAGEMENT_ADDRESS", "")],
        arguments,
    );
    assert!(!output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    let files = std::fs::read_dir(directory.path()).expect("a directory");
    let names = files.map(|file| file.expect("a file").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
    names.sort();
    assert_eq!(names, ["adapter.toml", "migrations"]);
}

#[tokio::test]
async fn open_reverses_seal() {
    let app = App::start(HostMode::Embedded).await;
    let sealed = app.seal("user", "/x", &serde_json::json!({ "a": 1 }));
    assert_eq!(app.open(&sealed), serde_json::json!({ "a": 1 }));
    expect_failure(
        &app.run(&["open", "nonsense"]),
        1,
        &["the envelope cannot be opened: malformed"],
    );
    expect_failure(
        &app.run(&[
            "seal", "--to", "nobody", "--from", "nobody", "--path", "/x", "{}",
        ]),
        1,
        &["nobody"],
    );
}

#[tokio::test]
async fn an_existing_foreign_role_is_not_taken_over() {
    use secrecy::ExposeSecret as _;
    use sqlx::Executor as _;
    let database = crate::support::cluster::database().await;
    let url = database.expose_secret();
    let name = url
        .rsplit('/')
        .next()
        .and_then(|rest| rest.split('?').next())
        .expect("a name");
    let mut admin = crate::support::cluster::connect(&database).await;
    let role = format!("create role {name}_user login superuser password 'theirs'");
    admin
        .execute(sqlx::AssertSqlSafe(role))
        .await
        .expect("create");
    let output = run(
        "[components.user]\npostgres = true\n",
        &[("DATABASE_URL", url)],
        &["migrate", "run"],
    );
    expect_failure(
        &output,
        1,
        &[
            "did not create it",
            "USER_DATABASE_URL",
            &format!("{name}_user"),
        ],
    );
}

#[tokio::test]
async fn a_component_url_may_not_name_another_database() {
    use secrecy::ExposeSecret as _;
    use sqlx::Executor as _;
    let database = crate::support::cluster::database().await;
    let url = database.expose_secret().to_owned();
    let name = url
        .rsplit('/')
        .next()
        .and_then(|rest| rest.split('?').next())
        .expect("a name")
        .to_owned();
    let mut admin = crate::support::cluster::connect(&database).await;
    let role = format!("create role {name}_own login password 'own'");
    admin
        .execute(sqlx::AssertSqlSafe(role))
        .await
        .expect("create");
    let (_, host) = url.split_once('@').expect("a host");
    let own = format!("postgres://{name}_own:own@{host}");
    let grants = "[components.user]\npostgres = true\n";
    let migrate = ["migrate", "run"];
    let output = run(
        grants,
        &[("DATABASE_URL", &url), ("USER_DATABASE_URL", &own)],
        &migrate,
    );
    assert!(output.status.success(), "{output:?}");
    let granted: bool = sqlx::query_scalar("select has_schema_privilege($1, 'user', 'usage')")
        .bind(format!("{name}_own"))
        .fetch_one(&mut admin)
        .await
        .expect("query");
    assert!(granted);
    let other = own.replace(&format!("/{name}?"), "/postgres?");
    let output = run(
        grants,
        &[("DATABASE_URL", &url), ("USER_DATABASE_URL", &other)],
        &migrate,
    );
    expect_failure(&output, 1, &["user", "DATABASE_URL"]);
}

#[test]
fn contradicting_production_settings_are_rejected() {
    for (adapter, components) in [("true", "false"), ("on", "False"), ("false", "off")] {
        let environment = [
            ("PRODUCTION", adapter),
            ("SPIN_VARIABLE_PRODUCTION", components),
            ("DATABASE_URL", "postgres://u@127.0.0.1:1/x"),
        ];
        for command in ["up", "serve"] {
            let output = run("[components.user]\n", &environment, &[command]);
            expect_failure(&output, 2, &["SPIN_VARIABLE_PRODUCTION"]);
        }
    }
}

#[test]
fn reserved_names_are_rejected_as_components() {
    for name in ["spindle", "documents", "public", "client", "app"] {
        expect_failure(
            &run(&format!("[components.{name}]\n"), &[], &CHECK),
            2,
            &[name, "reserved"],
        );
    }
}
