//! A connection pooler between the adapter and PostgreSQL.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    str::FromStr as _,
    thread,
};

use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;

use crate::support::{cluster, scratch::Scratch};

/// The version at the start of a connection, PostgreSQL's protocol 3.0. A request for TLS has another number.
const START: [u8; 4] = 196_608_u32.to_be_bytes();

/// Forwards connections to `server`, and drops their options, as a pooler does with
/// `ignore_startup_parameters = options`.
fn forward_without_options(listener: UnixListener, server: PathBuf) {
    thread::spawn(move || {
        for near in listener.incoming() {
            let near = near.expect("a connection");
            let far = UnixStream::connect(&server).expect("PostgreSQL");
            thread::spawn(move || {
                start_without_options(&near, &far)?;
                let (mut from, mut to) = (far.try_clone()?, near.try_clone()?);
                thread::spawn(move || io::copy(&mut from, &mut to));
                io::copy(&mut &near, &mut &far)
            });
        }
    });
}

fn start_without_options(mut near: &UnixStream, mut far: &UnixStream) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        near.read_exact(&mut length)?;
        let mut message = vec![0; u32::from_be_bytes(length) as usize - length.len()];
        near.read_exact(&mut message)?;
        let started = message.starts_with(&START);
        if started {
            message = without_options(&message);
        }
        let length = u32::try_from(message.len() + length.len()).expect("a short message");
        far.write_all(&[&length.to_be_bytes()[..], &message].concat())?;
        if started {
            return Ok(());
        }
        let mut answer = [0];
        far.read_exact(&mut answer)?;
        near.write_all(&answer)?;
    }
}

/// The first message is the version, then names and values that end with a zero, and another zero.
fn without_options(message: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = message[START.len()..].split(|byte| *byte == 0).collect();
    let kept = words
        .chunks_exact(2)
        .filter(|pair| !pair[0].is_empty() && pair[0] != b"options");
    let parameters = kept.flat_map(|pair| [pair[0], &[0], pair[1], &[0]].concat());
    START.into_iter().chain(parameters).chain([0]).collect()
}

/// The URL of the same database through the pooler in `directory`.
fn through_pooler(url: &str, directory: &Path) -> String {
    let options = PgConnectOptions::from_str(url).expect("a URL");
    let name = format!(".s.PGSQL.{}", options.get_port());
    let listener = UnixListener::bind(directory.join(&name)).expect("listen");
    forward_without_options(listener, options.get_socket().expect("a socket").join(name));
    let (start, _) = url.split_once("?host=").expect("a directory");
    format!("{start}?host={}", directory.display())
}

#[tokio::test]
async fn a_pooler_that_drops_options_is_refused() {
    let database = cluster::database().await;
    let directory = tempfile::tempdir().expect("a directory");
    let url = through_pooler(database.expose_secret(), directory.path());
    let scratch = Scratch::new("[components.user]\npostgres = true\n").env("DATABASE_URL", &url);
    scratch.write(
        "migrations/user/0001_things.up.sql",
        "create table things ();",
    );
    let output = scratch.run(&["migrate", "run"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("`DATABASE_URL`") && text.contains("pooler"),
        "{text}"
    );
    let mut connection = cluster::connect(&database).await;
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    let tables = sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut connection);
    assert_eq!(tables.await.expect("a count"), 0);
}
