use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

/// How many hashes a [`Hasher`] has computed.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn computed(passwords: &Passwords) -> u64 {
    passwords.hasher.computed.0.load(Ordering::Relaxed)
}

/// The smallest values that the settings allow, so that the tests are fast.
fn cheap_settings() -> PasswordSettings {
    PasswordSettings {
        memory_kib: 7_168,
        iterations: 1,
        threads: 1,
        queue: 1,
        ..Default::default()
    }
}

fn passwords() -> Passwords {
    Passwords::new(&cheap_settings()).unwrap()
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// Lets the other tasks run until the condition holds.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
}

#[tokio::test]
async fn only_the_right_password_matches() {
    let passwords = passwords();
    let hash = passwords.hash(secret("correct horse"), None).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "{hash}");
    let right = passwords
        .verify(secret("correct horse"), Some(hash.clone()), None)
        .await;
    assert_eq!(right, Ok(Verdict::Match));
    let wrong = passwords
        .verify(secret("correct horsf"), Some(hash), None)
        .await;
    assert_eq!(wrong, Ok(Verdict::Mismatch));
}

#[tokio::test]
async fn hashing_the_same_password_twice_gives_two_hashes() {
    let passwords = passwords();
    let first = passwords.hash(secret("same"), None).await.unwrap();
    assert_ne!(passwords.hash(secret("same"), None).await.unwrap(), first);
}

/// The hash comes from the command line of RFC 9106's reference implementation:
/// `printf password | argon2 somesalt -id -t 3 -k 8192 -p 2 -l 24 -e`.
#[tokio::test]
async fn hash_of_the_reference_implementation_is_outdated() {
    let hash = "$argon2id$v=19$m=8192,t=3,p=2$c29tZXNhbHQ$eoCOzZYN2HjLXtAHuUYbnczG/vL1A7xM";
    let passwords = passwords();
    let verdict = passwords
        .verify(secret("password"), Some(hash.to_owned()), None)
        .await;
    assert_eq!(verdict, Ok(Verdict::Outdated));
    let verdict = passwords
        .verify(secret("Password"), Some(hash.to_owned()), None)
        .await;
    assert_eq!(verdict, Ok(Verdict::Mismatch));
}

#[tokio::test]
async fn hash_with_other_parameters_is_outdated() {
    let other = PasswordSettings {
        iterations: 2,
        ..cheap_settings()
    };
    let hash = Passwords::new(&other)
        .unwrap()
        .hash(secret("p"), None)
        .await
        .unwrap();
    assert_eq!(
        passwords().verify(secret("p"), Some(hash), None).await,
        Ok(Verdict::Outdated)
    );
}

#[tokio::test]
async fn verifying_without_a_hash_computes_a_whole_hash() {
    let passwords = passwords();
    let hash = passwords.hash(secret("p"), None).await.unwrap();
    assert_eq!(computed(&passwords), 1);
    passwords
        .verify(secret("p"), Some(hash), None)
        .await
        .unwrap();
    assert_eq!(computed(&passwords), 2);
    assert_eq!(
        passwords.verify(secret("p"), None, None).await,
        Ok(Verdict::Mismatch)
    );
    assert_eq!(computed(&passwords), 3);
    let placeholder = passwords.hasher.placeholder().unwrap();
    assert_eq!(placeholder.parameters, passwords.hasher.parameters);
}

#[tokio::test]
async fn password_longer_than_1024_bytes_is_rejected() {
    let passwords = passwords();
    passwords
        .hash(secret(&"x".repeat(MAX_PASSWORD_BYTES)), None)
        .await
        .unwrap();
    let too_long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    let rejected = Err(PasswordError::Invalid(
        "the password is longer than 1,024 bytes",
    ));
    assert_eq!(passwords.hash(secret(&too_long), None).await, rejected);
    let verdict = passwords.verify(secret(&too_long), None, None).await;
    assert!(matches!(verdict, Err(PasswordError::Invalid(_))));
    assert_eq!(computed(&passwords), 1);
}

#[tokio::test]
async fn unsupported_hash_is_rejected_without_computing() {
    let passwords = passwords();
    let ours = passwords.hash(secret("p"), None).await.unwrap();
    let cases = [
        String::new(),
        "plain".to_owned(),
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
        ours.replace("argon2id", "argon2i"),
        ours.replace("v=19", "v=16"),
        ours.replace("$v=19", ""),
        ours.replace("m=7168", "m=65537"),
        ours.replace("m=7168", "m=4294967295"),
        ours.replace("t=1", "t=11"),
        ours.replace("p=1", "p=17"),
        ours.replace("p=1", "p=1,keyid=AAAA"),
        ours.rsplit_once('$').unwrap().0.to_owned(),
        format!("{ours}{}", "A".repeat(300)),
    ];
    for hash in cases {
        let verdict = passwords
            .verify(secret("p"), Some(hash.clone()), None)
            .await;
        assert!(
            matches!(verdict, Err(PasswordError::Invalid(_))),
            "{hash}: {verdict:?}"
        );
    }
    assert_eq!(computed(&passwords), 1);
}

#[tokio::test]
async fn full_queue_rejects_until_a_caller_leaves() {
    let passwords = Arc::new(passwords());
    // The settings allow one thread and one waiting call. The test occupies the thread.
    let busy = passwords.turns.place(Client::from_address(None)).await;
    let hash = || {
        let passwords = Arc::clone(&passwords);
        tokio::spawn(async move { passwords.hash(secret("p"), None).await })
    };
    let first = hash();
    until(|| passwords.turns.taken() == 2).await;
    assert_eq!(
        passwords.hash(secret("p"), None).await,
        Err(PasswordError::Unavailable)
    );
    let verdict = passwords.verify(secret("p"), None, None).await;
    assert_eq!(verdict, Err(PasswordError::Unavailable));

    first.abort();
    until(|| passwords.turns.taken() == 1).await;
    let second = hash();
    until(|| passwords.turns.taken() == 2).await;
    assert_eq!(computed(&passwords), 0);

    drop(busy);
    second.await.unwrap().unwrap();
    assert_eq!(computed(&passwords), 1);
    until(|| passwords.turns.taken() == 0).await;
}

#[test]
fn attempts_are_limited_by_address() {
    let passwords = Passwords::new(&PasswordSettings {
        attempts_per_minute: 1,
        ..cheap_settings()
    })
    .unwrap();
    assert_eq!(passwords.admit(Some("192.0.2.1")), Ok(()));
    let rejected = passwords.admit(Some("192.0.2.1"));
    assert!(
        matches!(rejected, Err(PasswordError::TooManyAttempts(1..=60))),
        "{rejected:?}"
    );
    assert_eq!(passwords.admit(Some("192.0.2.2")), Ok(()));
    assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
}

#[test]
fn setting_outside_its_limits_is_rejected_by_name() {
    let cases = [
        (
            "memory_kib",
            PasswordSettings {
                memory_kib: 7_167,
                ..cheap_settings()
            },
        ),
        (
            "memory_kib",
            PasswordSettings {
                memory_kib: 65_537,
                ..cheap_settings()
            },
        ),
        (
            "iterations",
            PasswordSettings {
                iterations: 0,
                ..cheap_settings()
            },
        ),
        (
            "iterations",
            PasswordSettings {
                iterations: 11,
                ..cheap_settings()
            },
        ),
        (
            "parallelism",
            PasswordSettings {
                parallelism: 0,
                ..cheap_settings()
            },
        ),
        (
            "parallelism",
            PasswordSettings {
                parallelism: 17,
                ..cheap_settings()
            },
        ),
        (
            "threads",
            PasswordSettings {
                threads: 0,
                ..cheap_settings()
            },
        ),
        (
            "threads",
            PasswordSettings {
                threads: 257,
                ..cheap_settings()
            },
        ),
        (
            "queue",
            PasswordSettings {
                queue: 10_001,
                ..cheap_settings()
            },
        ),
        (
            "attempts_per_minute",
            PasswordSettings {
                attempts_per_minute: 0,
                ..cheap_settings()
            },
        ),
    ];
    for (name, settings) in cases {
        assert_eq!(
            Passwords::new(&settings).err().map(|error| error.name),
            Some(name)
        );
    }
    assert!(Passwords::new(&PasswordSettings::default()).is_ok());
}
