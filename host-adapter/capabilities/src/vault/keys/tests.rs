use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const PRODUCTION: Policy = Policy {
    production: true,
    old_keys_readable_for: DEFAULT_OLD_KEYS_READABLE_FOR,
};

const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A directory with all production keys that a ring for `["user"]` needs.
fn production_keys() -> TempDir {
    let directory = TempDir::new().unwrap();
    for owner in ["user", ANSWERS, TOKENS, ROLES] {
        KeyRing::generate(directory.path(), owner, false).unwrap();
    }
    directory
}

fn load(directory: &TempDir, policy: &Policy) -> Result<KeyRing, KeyError> {
    KeyRing::load(directory.path(), &["user"], policy)
}

fn only_file_of(directory: &TempDir, owner: &str) -> PathBuf {
    let files = directory::read_keys(directory.path()).unwrap();
    let mut paths = files.into_iter().filter(|file| file.key.owner() == owner);
    let path = paths.next().unwrap().path;
    assert!(paths.next().is_none());
    path
}

/// Changes members of the only key file of `owner`. `null` removes a member.
fn change(directory: &TempDir, owner: &str, changes: Value) {
    let path = only_file_of(directory, owner);
    let mut jwk: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (member, value) in changes.as_object().unwrap() {
        jwk[member] = value.clone();
    }
    jwk.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    fs::write(&path, jwk.to_string()).unwrap();
}

/// Writes a file with the mode that key files must have.
fn write(directory: &TempDir, name: &str, text: &str) {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

fn error_text(result: Result<KeyRing, KeyError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn development_keys_are_generated_once() {
    let directory = TempDir::new().unwrap();
    let keys = directory.path().join("state/keys");
    let first = KeyRing::load(&keys, &["user", CLIENT], &Policy::default()).unwrap();
    let second = KeyRing::load(&keys, &["user", CLIENT], &Policy::default()).unwrap();
    assert_eq!(format!("{first:?}"), format!("{second:?}"));

    let infos = KeyRing::list(&keys, DEFAULT_OLD_KEYS_READABLE_FOR).unwrap();
    let owners: Vec<_> = infos.iter().map(|info| info.owner.as_str()).collect();
    assert_eq!(owners, [ANSWERS, CLIENT, ROLES, TOKENS, "user"]);
    assert!(
        infos
            .iter()
            .all(|info| info.development && info.state == KeyState::Active)
    );
}

#[test]
fn only_keys_and_their_directory_are_private() {
    let directory = TempDir::new().unwrap();
    let keys = directory.path().join("state/keys");
    let info = KeyRing::generate(&keys, "user", false).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    assert_eq!(mode(&keys.join(format!("{}.json", info.kid))), 0o600);
    let plain = directory.path().join("plain");
    fs::create_dir(&plain).unwrap();
    assert_eq!(mode(&directory.path().join("state")), mode(&plain));
}

#[test]
fn processes_that_start_at_once_load_the_same_keys() {
    let directory = TempDir::new().unwrap();
    let rings: BTreeSet<String> = thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| load(&directory, &Policy::default()).unwrap()))
            .collect();
        starts
            .into_iter()
            .map(|start| format!("{:?}", start.join().unwrap()))
            .collect()
    });
    assert_eq!(rings.len(), 1);
    assert_eq!(
        KeyRing::list(directory.path(), Duration::ZERO)
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn production_starts_with_its_keys_and_writes_no_file() {
    let directory = production_keys();
    let before = fs::read_dir(directory.path()).unwrap().count();
    load(&directory, &PRODUCTION).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), before);
}

#[test]
fn production_rejects_a_missing_key() {
    for owner in ["user", ANSWERS, TOKENS, ROLES] {
        let directory = production_keys();
        fs::remove_file(only_file_of(&directory, owner)).unwrap();
        let error = error_text(load(&directory, &PRODUCTION));
        assert!(error.contains(&format!("`{owner}` has no key")), "{error}");
        assert!(error.contains(&format!("`host-adapter keys generate --owner {owner}`")));
    }
    let absent = TempDir::new().unwrap().path().join("absent");
    assert!(KeyRing::load(&absent, &["user"], &PRODUCTION).is_err());
    assert!(!absent.exists());
}

#[test]
fn production_rejects_a_development_key_even_if_replaced() {
    for owner in ["user", TOKENS, ROLES] {
        let directory = production_keys();
        change(&directory, owner, json!({"development": true}));
        KeyRing::generate(directory.path(), owner, false).unwrap();
        load(&directory, &Policy::default()).unwrap();
        let error = error_text(load(&directory, &PRODUCTION));
        assert!(error.contains("is a development key"), "{error}");
        assert!(error.contains(&format!("`host-adapter keys generate --owner {owner}`")));
    }
}

#[test]
fn production_ignores_keys_of_other_owners() {
    let directory = production_keys();
    KeyRing::generate(directory.path(), "other", true).unwrap();
    load(&directory, &PRODUCTION).unwrap();
}

#[test]
fn weak_key_error_names_the_command_that_replaces_it() {
    for (owner, member) in [("user", "k"), (ROLES, "k"), (TOKENS, "d")] {
        let x =
            json!({ member: ZEROS, "x": if owner == TOKENS { json!("any") } else { Value::Null } });
        let short = json!({ member: "c2hvcnQ" });
        for (changes, reason) in [(x, "32 equal bytes"), (short, "a key of 32 bytes")] {
            let directory = production_keys();
            change(&directory, owner, changes);
            let error = error_text(load(&directory, &PRODUCTION));
            assert!(error.contains(reason), "{error}");
            assert!(error.contains(&format!("`host-adapter keys generate --owner {owner}`")));
        }
    }
}

#[test]
fn readable_key_file_error_names_the_command_that_fixes_it() {
    for mode in [0o640, 0o604, 0o666] {
        let directory = production_keys();
        let path = only_file_of(&directory, "user");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = error_text(load(&directory, &Policy::default()));
        assert!(error.contains(&format!("(mode {mode:o})")), "{error}");
        assert!(
            error.ends_with(&format!("run `chmod 600 {}`", path.display())),
            "{error}"
        );
    }
}

#[test]
fn invalid_key_file_is_rejected_by_path() {
    let user = |changes| ("user", changes);
    let cases = [
        (
            user(json!({"kty": "RSA"})),
            "does not have the members that a key of `user` needs",
        ),
        (user(json!({"alg": "A128GCM"})), "does not have the members"),
        (user(json!({"use": "sig"})), "does not have the members"),
        (
            user(json!({"owner": "tokens"})),
            "does not have the members that a key of `tokens` needs",
        ),
        (user(json!({"owner": "../user"})), "has an `owner`"),
        (user(json!({"kid": "a\nb"})), "has a `kid`"),
        (user(json!({"kid": ""})), "has a `kid`"),
        (user(json!({"kid": null})), "is not a JSON Web Key"),
        (user(json!({"created": "today"})), "is not a JSON Web Key"),
        (user(json!({"k": null})), "does not have the member `k`"),
        (user(json!({"k": "not base64url"})), "is not base64url"),
        ((TOKENS, json!({"x": ZEROS})), "does not belong to its `d`"),
        (
            (TOKENS, json!({"crv": "X25519"})),
            "does not have the members",
        ),
        ((TOKENS, json!({"x": null})), "does not have the members"),
    ];
    for ((owner, changes), reason) in cases {
        let directory = production_keys();
        let path = only_file_of(&directory, owner);
        change(&directory, owner, changes);
        let error = error_text(load(&directory, &Policy::default()));
        assert!(error.contains(reason), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn hidden_files_and_other_extensions_are_ignored() {
    let directory = production_keys();
    write(&directory, "README.md", "keys");
    write(&directory, ".hidden.json", "not a key");
    load(&directory, &PRODUCTION).unwrap();
    write(&directory, "broken.json", "not a key");
    assert!(error_text(load(&directory, &PRODUCTION)).contains("broken.json"));
}

#[test]
fn file_above_the_size_limit_is_rejected() {
    let directory = production_keys();
    write(&directory, "large.json", &" ".repeat(16 * 1024 + 1));
    assert!(error_text(load(&directory, &PRODUCTION)).contains("at most 16384 bytes"));
}

#[test]
fn two_files_with_the_same_key_id_are_rejected() {
    let directory = production_keys();
    let text = fs::read_to_string(only_file_of(&directory, "user")).unwrap();
    write(&directory, "copy.json", &text);
    assert!(error_text(load(&directory, &PRODUCTION)).contains("has the same `kid` as"));
}

#[test]
fn newest_key_is_active_and_older_keys_expire() {
    let directory = production_keys();
    let now = unix_now();
    change(&directory, "user", json!({"created": now - 1_000}));
    let oldest = only_file_of(&directory, "user");
    let middle = KeyRing::generate(directory.path(), "user", false).unwrap();
    let newest = KeyRing::generate(directory.path(), "user", false).unwrap();
    assert!(newest.created > middle.created);

    let states = |window| -> Vec<KeyState> {
        let infos = KeyRing::list(directory.path(), Duration::from_secs(window)).unwrap();
        infos
            .iter()
            .filter(|info| info.owner == "user")
            .map(|info| info.state)
            .collect()
    };
    assert_eq!(
        states(60),
        [KeyState::Active, KeyState::ReadOnly, KeyState::ReadOnly]
    );

    let text = fs::read_to_string(&oldest).unwrap();
    change_created(&directory, &middle.kid, now - 500);
    change_created(&directory, &newest.kid, now - 100);
    assert_eq!(
        states(60),
        [KeyState::Active, KeyState::Expired, KeyState::Expired]
    );
    assert_eq!(
        states(200),
        [KeyState::Active, KeyState::ReadOnly, KeyState::Expired]
    );
    assert_eq!(fs::read_to_string(&oldest).unwrap(), text);

    let policy = Policy {
        old_keys_readable_for: Duration::from_secs(200),
        ..PRODUCTION
    };
    let ring = load(&directory, &policy).unwrap();
    let readable: Vec<_> = ring
        .keys_of_kind(KeyKind::Envelope)
        .map(|ring_key| ring_key.key.kid())
        .collect();
    let answers = KeyRing::list(directory.path(), Duration::ZERO).unwrap();
    let answers = answers.into_iter().find(|key| key.owner == ANSWERS);
    assert_eq!(readable, [answers.unwrap().kid, newest.kid, middle.kid]);
}

/// At each second, exactly one key of an owner is active, and it was readable before.
#[test]
fn successor_is_readable_before_it_is_active() {
    let directory = production_keys();
    let first = only_file_of(&directory, "user");
    let after = Duration::from_secs(600);
    let rotate = || KeyRing::rotate(directory.path(), "user", false, after);
    let next = rotate().unwrap();
    assert_eq!(next.state, KeyState::Upcoming);
    let again = rotate().unwrap_err().to_string();
    assert!(again.contains(&next.kid), "{again}");

    let files = directory::read_keys(directory.path()).unwrap();
    let periods = lifetime::with_periods(files, Duration::from_secs(60));
    let states = |now: u64| -> Vec<(bool, KeyState)> {
        let own = periods
            .iter()
            .filter(|(file, _)| file.key.owner() == "user");
        own.map(|(file, period)| (file.path == first, period.state(now)))
            .collect()
    };
    let (new, old) = (|state| (false, state), |state| (true, state));
    let begins = next.active_from;
    let expected = [
        (begins - 1, KeyState::Upcoming, KeyState::Active),
        (begins, KeyState::Active, KeyState::ReadOnly),
        (begins + 60, KeyState::Active, KeyState::ReadOnly),
        (begins + 61, KeyState::Active, KeyState::Expired),
    ];
    for (now, of_new, of_old) in expected {
        assert_eq!(states(now), [new(of_new), old(of_old)], "{now}");
    }
    // A key for an emergency does not wait, and the successor still follows.
    let urgent = KeyRing::generate(directory.path(), "user", false).unwrap();
    assert_eq!(urgent.state, KeyState::Active);
    // Without a key before it, the successor is active at once.
    fs::remove_file(directory.path().join(format!("{}.json", urgent.kid))).unwrap();
    fs::remove_file(&first).unwrap();
    let keys = KeyRing::list(directory.path(), Duration::ZERO).unwrap();
    let last = keys.iter().find(|key| key.owner == "user");
    assert_eq!(last.unwrap().state, KeyState::Active);
}

#[test]
fn sealed_envelopes_are_added_for_keys_that_exist() {
    let directory = production_keys();
    let kid = only_file_of(&directory, "user");
    let kid = kid.file_stem().unwrap().to_str().unwrap();
    let sealed = [(kid.to_owned(), WARN_SEALS - 1), ("gone".to_owned(), 7)].into();
    let (path, keys) = (TempDir::new().unwrap(), directory.path());
    let seals = path.path();
    let counts = SealCounts::add(seals, keys, &sealed).unwrap();
    assert_eq!((counts.of(kid), counts.of("gone")), (WARN_SEALS - 1, 0));
    assert_eq!(counts.used_up().count(), 0);
    let counts = SealCounts::add(seals, keys, &[(kid.to_owned(), 1)].into()).unwrap();
    assert_eq!(counts.used_up().collect::<Vec<_>>(), [(kid, WARN_SEALS)]);
    assert_eq!(SealCounts::read(seals).unwrap(), counts);
    assert_eq!(SealCounts::read(keys).unwrap(), SealCounts::default());
    write(&path, ".seals", "[]");
    assert!(SealCounts::read(seals).is_err());
}

fn change_created(directory: &TempDir, kid: &str, created: u64) {
    let path = directory.path().join(format!("{kid}.json"));
    let mut jwk: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    jwk["created"] = json!(created);
    fs::write(&path, jwk.to_string()).unwrap();
}

#[test]
fn production_ignores_an_expired_development_key() {
    let directory = production_keys();
    change(
        &directory,
        "user",
        json!({"development": true, "created": 1}),
    );
    let newest = KeyRing::generate(directory.path(), "user", false).unwrap();
    change_created(&directory, &newest.kid, unix_now() - 100);
    let policy = Policy {
        old_keys_readable_for: Duration::from_secs(50),
        ..PRODUCTION
    };
    load(&directory, &policy).unwrap();
}

#[test]
fn invalid_owner_name_is_rejected() {
    let directory = TempDir::new().unwrap();
    for owner in ["", "User", "../user", "a b", "-user", &"a".repeat(64)] {
        assert!(
            KeyRing::generate(directory.path(), owner, false).is_err(),
            "{owner}"
        );
        assert!(
            KeyRing::load(directory.path(), &[owner], &Policy::default()).is_err(),
            "{owner}"
        );
    }
    for owner in [ANSWERS, TOKENS, ROLES] {
        assert!(
            KeyRing::load(directory.path(), &[owner], &Policy::default()).is_err(),
            "{owner}"
        );
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn derived_secret_depends_on_purpose_and_key_only() {
    let directory = production_keys();
    let derive = |purpose: &str| {
        let ring = load(&directory, &PRODUCTION).unwrap();
        let derived = ring.derive(purpose);
        derived[0].secret.expose_secret().to_owned()
    };
    let first = derive("postgres/user");
    assert_eq!(first.len(), 64);
    assert!(first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(derive("postgres/user"), first);
    assert_ne!(derive("postgres/analytics"), first);
    // The secret of the previous key is still known.
    let new = KeyRing::generate(directory.path(), ROLES, false).unwrap();
    let both = load(&directory, &PRODUCTION)
        .unwrap()
        .derive("postgres/user");
    assert_eq!(both[0].kid, new.kid);
    assert_eq!(both[1].secret.expose_secret(), first);
    assert_ne!(both[0].secret.expose_secret(), first);
}

#[test]
fn derived_secret_is_hmac_sha_256() {
    let directory = production_keys();
    // The bytes 0 to 31. The expected value is Python's
    // hmac.new(bytes(range(32)), b"spindle/derive/test", "sha256").hexdigest().
    let key = json!({"k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"});
    change(&directory, ROLES, key);
    let derived = load(&directory, &PRODUCTION).unwrap().derive("test");
    assert_eq!(
        derived[0].secret.expose_secret(),
        "a16120c6a220dd521ddbdc47193f2c505142aee108b18bed9d50f3ce5ff266d1"
    );
}

#[test]
fn debug_output_does_not_contain_keys() {
    let directory = production_keys();
    let ring = load(&directory, &PRODUCTION).unwrap();
    let shown = format!("{ring:?}");
    let files = directory::read_keys(directory.path()).unwrap();
    for file in &files {
        let jwk: Value = serde_json::from_slice(&fs::read(&file.path).unwrap()).unwrap();
        let secret = jwk["k"].as_str().or(jwk["d"].as_str()).unwrap();
        assert!(!shown.contains(secret));
        assert!(!shown.contains(&format!("{:?}", file.key.secret())));
    }
    assert!(shown.contains("user-"));
}
