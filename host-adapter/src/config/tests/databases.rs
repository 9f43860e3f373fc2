//! Where the databases are, and the secrets in their addresses.

use super::*;

#[test]
fn databases_come_from_a_url_or_from_parts() {
    let postgres = |variables: &[(&str, &str)]| {
        let settings = load("", variables).unwrap();
        settings
            .databases
            .postgres
            .map(|url| url.expose_secret().to_owned())
    };
    assert_eq!(postgres(&[]), None);
    assert_eq!(
        postgres(&[("POSTGRES_PASSWORD", "p@ss/w%rd")]).unwrap(),
        "postgres://postgres:p%40ss%2Fw%25rd@localhost:5432/postgres"
    );
    assert_eq!(
        postgres(&[
            ("POSTGRES_HOST", "/var/run/postgresql"),
            ("POSTGRES_PORT", "6543"),
            ("POSTGRES_USER", "a"),
            ("POSTGRES_DB", "b"),
        ])
        .unwrap(),
        "postgres://a@%2Fvar%2Frun%2Fpostgresql:6543/b"
    );
    let url = "postgresql://user:hidden@host/db";
    assert_eq!(
        postgres(&[("DATABASE_URL", url), ("POSTGRES_HOST", "other")]).unwrap(),
        url
    );

    assert_eq!(
        postgres(&[("POSTGRES_HOST", "::1")]).unwrap(),
        "postgres://postgres@[::1]:5432/postgres"
    );

    let mongodb = load("", &[("MONGODB_USER", "a"), ("MONGODB_PASSWORD", "b")]).unwrap();
    assert_eq!(
        mongodb.databases.mongodb.unwrap().expose_secret(),
        "mongodb://a:b@localhost:27017/a?authSource=admin"
    );
    check_refused(
        "",
        &[("POSTGRES_PORT", "many")],
        &["`POSTGRES_PORT` must be a port"],
    );
}

#[test]
fn secrets_come_from_files_and_are_never_repeated() {
    let project = tempfile::tempdir().unwrap();
    let file = project.path().join("url");
    std::fs::write(&file, "postgres://user:hidden@host/db\n").unwrap();
    let path = file.to_str().unwrap();
    let settings = load(GRANTS, &[("DATABASE_URL_FILE", path)]).unwrap();
    let url = settings.databases.postgres.as_ref().unwrap();
    assert_eq!(url.expose_secret(), "postgres://user:hidden@host/db");
    let texts = [settings.describe(), format!("{settings:?}")];
    assert!(
        texts.iter().all(|text| !text.contains("hidden")),
        "{texts:?}"
    );

    for (name, value) in [
        ("DATABASE_URL", "mysql://user:hidden@host/db"),
        ("DATABASE_URL", "postgres://user:hidden@host:port/db"),
        ("MONGODB_URL", "hidden"),
        ("SPINDLE_PEERS_USER_URL", "http://user:hidden@host"),
    ] {
        let error = load(GRANTS, &[(name, value)]).unwrap_err();
        let texts = [error.to_string(), format!("{error:?}")];
        assert!(texts.iter().all(|text| text.contains(name)), "{texts:?}");
        assert!(
            texts.iter().all(|text| !text.contains("hidden")),
            "{texts:?}"
        );
    }
    let both = [
        ("DATABASE_URL", "postgres://host"),
        ("DATABASE_URL_FILE", path),
    ];
    check_refused(GRANTS, &both, &["are both set"]);
    check_refused(
        GRANTS,
        &[("DATABASE_URL_FILE", "/nowhere/url")],
        &["`/nowhere/url`"],
    );
}
