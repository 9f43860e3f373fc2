//! Revoking sessions through the capability: effect, grants and limits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adapter_capabilities::{
    postgres,
    sessions::{Error, RevokedSessions},
    vault::TokenError,
};

use sqlx::Connection as _;

use crate::support::{capabilities::Granted, cluster, until};

const SETTINGS: &str = "[components.issuer]\npostgres = true\ntokens = [\"issue\", \"verify\"]\n\
    [components.checker]\ntokens = [\"verify\"]\n";

fn session_ids(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("session {number}"))
        .collect()
}

fn revoked_sessions(granted: &Granted) -> RevokedSessions {
    let issuer = granted.capabilities_of("issuer");
    let revoked = issuer.revoked_sessions();
    revoked.unwrap_or_else(|denied| panic!("{denied}")).clone()
}

#[tokio::test]
async fn revoked_sessions_are_rejected_for_every_component() {
    let granted = Granted::new(SETTINGS).await;
    let (issuer, checker) = (
        granted.capabilities_of("issuer"),
        granted.capabilities_of("checker"),
    );
    let issue = |session: &str| {
        let issued = issuer
            .token_issuer()
            .map(|tokens| tokens.issue("ada", Some(session)));
        issued.expect("granted").expect("a token").token
    };
    let verify = |token: &str| checker.token_verifier().expect("granted").verify(token);
    let (ends, stays) = (issue("ends"), issue("stays"));
    assert_eq!(
        verify(&ends).expect("good").session.as_deref(),
        Some("ends")
    );
    revoked_sessions(&granted)
        .revoke(vec!["ends".into(), "unknown".into(), "ends".into()])
        .await
        .expect("end");
    assert_eq!(verify(&ends), Err(TokenError::SessionRevoked));
    assert!(verify(&stays).is_ok());
}

#[tokio::test]
async fn only_token_issuers_revoke_sessions() {
    let granted = Granted::new(SETTINGS).await;
    let checker = granted.capabilities_of("checker");
    let denied = checker
        .revoked_sessions()
        .map(|_| ())
        .expect_err("denied")
        .to_string();
    assert!(denied.contains("`tokens.issue`"), "{denied}");
    let issuer = granted.capabilities_of("issuer");
    let sql = "insert into tokens.ended_sessions (id) values ('x')";
    let rejected = issuer
        .postgres()
        .expect("granted")
        .execute(sql.into(), vec![]);
    let rejected = rejected.await.expect_err("another schema");
    assert!(
        matches!(rejected, postgres::Error::Invalid(_)),
        "{rejected}"
    );
}

#[tokio::test]
async fn one_call_ends_at_most_a_thousand_sessions() {
    let granted = Granted::new(SETTINGS).await;
    let revoked = revoked_sessions(&granted);
    revoked
        .revoke(session_ids(1_000))
        .await
        .expect("a thousand");
    revoked.revoke(vec![]).await.expect("none");
    for wrong in [
        session_ids(1_001),
        vec![String::new()],
        vec!["x".repeat(201)],
        vec!["a\0b".into()],
    ] {
        let rejected = revoked.revoke(wrong).await.expect_err("a limit");
        assert!(matches!(rejected, Error::Invalid(_)), "{rejected}");
    }
    let known: i64 = sqlx::query_scalar("select count(*) from tokens.ended_sessions")
        .fetch_one(&mut crate::support::cluster::connect(&granted.database).await)
        .await
        .expect("count");
    assert_eq!(known, 1_000);
}

/// Two calls that lock the same rows in different orders deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_locked_in_order() {
    // The statement must wait as long as the test.
    let patient = "[postgres]\nstatement_timeout = \"40s\"\n[server]\nrequest_timeout = \"50s\"\n\
        [host]\nrequest_timeout = \"55s\"\n";
    let granted = Granted::new(&format!("{SETTINGS}{patient}")).await;
    let revoked = revoked_sessions(&granted);
    let mut sessions: Vec<String> = (100..200).map(|number| number.to_string()).collect();
    sessions.reverse();
    revoked.revoke(sessions.clone()).await.expect("revoke");
    let mut holder = cluster::connect(&granted.database).await;
    let mut transaction = holder.begin().await.expect("begin");
    let lock = |condition: &str| {
        let table = "tokens.ended_sessions";
        format!("select id from {table} where {condition} for update skip locked")
    };
    let first = sqlx::AssertSqlSafe(lock("id = '100'"));
    let locked = sqlx::query(first).fetch_all(&mut *transaction).await;
    assert_eq!(locked.expect("a lock").len(), 1);
    let waiting = tokio::spawn(async move { revoked.revoke(sessions).await });
    let mut admin = cluster::connect(&granted.database).await;
    let blocked = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event_type = 'Lock' and query like '%insert into ended_sessions%'";
    until("the call to wait", async || {
        let count = sqlx::query_scalar(blocked).fetch_one(&mut admin).await;
        (count.ok() == Some(1_i64)).then_some(())
    })
    .await;
    // It waits for the first session, and has locked none after it.
    let others = sqlx::AssertSqlSafe(lock("id <> '100'"));
    let free = sqlx::query(others).fetch_all(&mut admin).await;
    assert_eq!(free.expect("locks").len(), 99);
    transaction.rollback().await.expect("rollback");
    waiting.await.expect("a task").expect("revoke");
}

#[tokio::test]
async fn old_sessions_are_deleted() {
    let settings = format!("{SETTINGS}[tokens]\nended_sessions_kept_for = \"48h\"\n");
    let mut granted = Granted::new(&settings).await;
    let mut sql = crate::support::cluster::connect(&granted.database).await;
    let insert = "insert into tokens.ended_sessions (id, ended_at) \
         values ('old', now() - interval '49 hours'), ('new', now() - interval '47 hours')";
    sqlx::query(insert).execute(&mut sql).await.expect("insert");
    let listener = granted.assembly.sessions.take().expect("a listener");
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(listener.run(stop.clone()));
    crate::support::until("the old session to be deleted", async || {
        let kept: Vec<String> = sqlx::query_scalar("select id from tokens.ended_sessions")
            .fetch_all(&mut sql)
            .await
            .expect("the sessions");
        (kept == ["new"]).then_some(())
    })
    .await;
    stop.cancel();
    running.await.expect("the end");
}

/// The clock of a host that is three hours behind PostgreSQL's.
fn slow_clock() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a time after 1970") - Duration::from_secs(3 * 60 * 60)
}

#[tokio::test]
async fn no_session_comes_back_when_a_clock_is_set() {
    let mut granted = Granted::new(SETTINGS).await;
    let issuer = granted.capabilities_of("issuer");
    let tokens = issuer.token_issuer().expect("granted");
    let token = tokens.issue("ada", Some("ended")).expect("a token").token;
    // It ended a moment ago, just before PostgreSQL's clock was set forward.
    let mut sql = cluster::connect(&granted.database).await;
    let insert = "insert into tokens.ended_sessions (id, ended_at) values ('ended', now() - interval '3 hours')";
    sqlx::query(insert).execute(&mut sql).await.expect("insert");
    let listener = granted.assembly.sessions.take().expect("a listener");
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(listener.with_host_clock(slow_clock).run(stop.clone()));
    let checker = granted.capabilities_of("checker");
    until("the session to be known as ended", async || {
        let verified = checker.token_verifier().expect("granted").verify(&token);
        (verified == Err(TokenError::SessionRevoked)).then_some(())
    })
    .await;
    stop.cancel();
    running.await.expect("the end");
}
