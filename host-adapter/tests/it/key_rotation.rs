//! Rotating keys while two adapters serve.

use std::path::{Path, PathBuf};

use adapter_capabilities::vault::WARN_SEALS;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{App, Builder, HostMode, app::PASSWORD, until};

const LOGIN: &str = "/api/v1/users/login";
const PROFILE: &str = "/api/v1/users/profile";

/// The id of the key in the header of a token or an envelope.
fn kid(text: &str) -> String {
    let header = text.split('.').next().expect("a header");
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("a key id").to_owned()
}

fn envelope(body: &str) -> String {
    let body: Value = serde_json::from_str(body).expect("JSON");
    body["encrypted_data"].as_str().expect("sealed").to_owned()
}

/// The file of the owner's newest key.
fn newest_key(directory: &Path, owner: &str) -> PathBuf {
    let entries = std::fs::read_dir(directory).expect("keys");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let of_owner = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        name.rsplit_once('-')
            .is_some_and(|(before, _)| before == owner)
    };
    paths.filter(of_owner).max().expect("a key")
}

/// Logs in at `first` with an envelope, and uses the token at `second`. Returns the keys of the envelope, of
/// its answer and of the token.
async fn log_in(first: &App, second: &App) -> [String; 3] {
    let body = json!({ "username": "ada", "password": PASSWORD });
    let sealed = first.seal("user", LOGIN, &body);
    let answer = first.post(LOGIN).text(&sealed).send().await.expect(200);
    let opened = second.open(&answer.text);
    let token = opened["access_token"].as_str().expect("a token");
    let profile = second.get(PROFILE).bearer(token).send().await;
    profile.expect(200);
    [envelope(&sealed), envelope(&answer.text), token.to_owned()].map(|text| kid(&text))
}

#[tokio::test]
async fn rotation_under_two_adapters_fails_no_request() {
    let one = App::start(HostMode::Embedded).await;
    let two = Builder::new(HostMode::Embedded).beside(&one).start().await;
    one.register("ada").await.expect(201);
    let old = log_in(&one, &two).await;
    let keys = one.directory.path().join("keys");
    let owners = ["client", "answers", "tokens", "roles"];
    for owner in owners {
        let rotated = one.run(&["keys", "rotate", "--owner", owner]);
        assert!(rotated.status.success(), "{rotated:?}");
    }
    let new = ["client", "answers", "tokens"].map(|owner| {
        let path = newest_key(&keys, owner);
        path.file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    });
    for (app, kid) in [&one, &two]
        .into_iter()
        .flat_map(|app| new.iter().map(move |kid| (app, kid)))
    {
        app.wait_for_log("the new key", |line| {
            let added = line["keys.added"].as_str().unwrap_or_default();
            added.contains(kid.as_str())
        })
        .await;
    }
    // Nothing uses them yet, and those who verify tokens have the new key.
    assert_eq!(log_in(&one, &two).await, old);
    let public = one.get("/.well-known/jwks.json").send().await.expect(200);
    assert!(public.text.contains(&old[2]) && public.text.contains(&new[2]));
    // The default is ten minutes.
    let soon = unix_now() + 6;
    for owner in owners {
        let path = newest_key(&keys, owner);
        let text = std::fs::read_to_string(&path).expect("a key");
        let mut key: Value = serde_json::from_str(&text).expect("JSON");
        key["active_from"] = json!(soon);
        let unfinished = keys.join(".unfinished");
        std::fs::copy(&path, &unfinished).expect("a file with the same mode");
        std::fs::write(&unfinished, key.to_string()).expect("write");
        std::fs::rename(&unfinished, &path).expect("rename");
    }
    until("all new keys to be used", async || {
        let (there, back) = (log_in(&one, &two).await, log_in(&two, &one).await);
        (there == new && back == new).then_some(())
    })
    .await;
    // A start with the new key for roles changes no password: connections can still be opened.
    let three = Builder::new(HostMode::Embedded).beside(&one).start().await;
    let (mut admin, database) = (one.admin_connection().await, "current_database()");
    let end = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where datname = {database} and pid <> pg_backend_pid()"
    );
    let ended = sqlx::query(sqlx::AssertSqlSafe(end)).fetch_all(&mut admin);
    ended.await.expect("end all sessions");
    for app in [&one, &two, &three] {
        until("the database", async || {
            let answer = app.get("/api/v1/users/stats/count").send().await;
            (answer.status == 200).then_some(())
        })
        .await;
    }
    let output = one.run(&["keys", "list"]);
    let list = String::from_utf8_lossy(&output.stdout);
    assert_eq!(list.matches("read-only").count(), owners.len(), "{list}");
}

#[tokio::test]
async fn envelopes_of_a_key_are_counted_and_warned_of() {
    let one = App::start(HostMode::Embedded).await;
    one.register("ada").await.expect(201);
    let keys = one.directory.path().join("keys");
    let key = newest_key(&keys, "answers");
    let kid = key.file_stem().expect("a name").to_string_lossy();
    let counts = keys.join(".seals");
    std::fs::write(&counts, json!({ &*kid: WARN_SEALS }).to_string()).expect("write");
    let two = Builder::new(HostMode::Embedded).beside(&one).start().await;
    two.wait_for_log("a warning of the key", |line| {
        let text = line["message"].as_str().unwrap_or_default();
        line["level"] == "WARNING" && text.contains(&*kid) && text.contains("keys rotate")
    })
    .await;
    log_in(&two, &one).await;
    let (code, _) = two.stop().await;
    assert_eq!(code, Some(0));
    let text = std::fs::read_to_string(&counts).expect("counts");
    let counted: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(counted[&*kid], WARN_SEALS + 1, "{counted}");
    let list = one.run(&["keys", "list"]);
    let list = String::from_utf8_lossy(&list.stdout);
    assert!(list.contains(&(WARN_SEALS + 1).to_string()), "{list}");
    // Another directory, as where that of the keys cannot be written. The numbers of the keys' stay.
    let seals = one.directory.path().join("seals");
    let three = Builder::new(HostMode::Embedded)
        .beside(&one)
        .env(
            "SPINDLE_KEYS_SEALS_DIRECTORY",
            seals.to_string_lossy().into_owned(),
        )
        .start()
        .await;
    log_in(&three, &one).await;
    assert_eq!(three.stop().await.0, Some(0));
    let there = std::fs::read_to_string(seals.join(".seals")).expect("counts");
    let there: Value = serde_json::from_str(&there).expect("JSON");
    assert_eq!(there[&*kid], 1, "{there}");
    // The first adapter adds the numbers of other keys every half a minute.
    let text = std::fs::read_to_string(&counts).expect("counts");
    let counted: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(counted[&*kid], WARN_SEALS + 1, "{counted}");
}

fn unix_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}
